"""Decision records: what became of each connection attempt, and why."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple

from certgate_certs.registry.journal import Journal
from certgate_certs.rows import DecisionRecord


class DecisionRecords(Journal[DecisionRecord]):
    """Keeps decision records."""

    table = "decision"
    columns = (
        "at, instance_id, client_id, remote_address, tls_version, resumed, subject, ca_sn,"
        " device_sn, accepted, reasons, detail"
    )

    def _to_row(self, record: DecisionRecord) -> Iterable[object]:
        values = list(astuple(record))
        values[10] = " ".join(record.reasons)
        return values

    def _from_row(self, row: sqlite3.Row) -> DecisionRecord:
        values = list(row[1:])
        values[5], values[9] = bool(values[5]), bool(values[9])
        values[10] = tuple(values[10].split())
        return DecisionRecord(*values)
