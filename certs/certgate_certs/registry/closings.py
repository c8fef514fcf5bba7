"""Closings: live connections that were ended because their CA or device was withdrawn."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple

from certgate_certs.registry.journal import Journal
from certgate_certs.rows import Cause, Closing


class Closings(Journal[Closing]):
    """Keeps records of closings."""

    table = "closing"
    columns = "at, instance_id, client_id, ca_sn, device_sn, cause"

    def _to_row(self, record: Closing) -> Iterable[object]:
        return astuple(record)

    def _from_row(self, row: sqlite3.Row) -> Closing:
        values = list(row[1:])
        values[5] = Cause(values[5])
        return Closing(*values)
