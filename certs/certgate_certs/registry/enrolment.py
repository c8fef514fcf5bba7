"""A device's first use: its registration and the client identifier it takes, in one step."""

from dataclasses import dataclass

import aiosqlite

from certgate_certs.chain import Path
from certgate_certs.registry.remains import REGISTERED
from certgate_certs.rows import Binding, Status
from certgate_certs.serial_number import look_up_key
from certgate_certs.view import CertificateView

_BIND = (
    "INSERT INTO client_identifier (instance_id, client_id, device_id) VALUES (?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
# A device whose CA is gone owns nothing any more, even if its row is still to be removed.
_DISOWN = (
    "DELETE FROM client_identifier WHERE instance_id = ? AND client_id = ?"
    f" AND NOT EXISTS (SELECT 1 FROM {REGISTERED} WHERE d.id = device_id)"
)
_IS_OWNED = (
    f"SELECT 1 FROM {REGISTERED} JOIN client_identifier AS b ON b.device_id = d.id"
    " WHERE b.id = ? AND b.device_id = ?"
)


@dataclass(frozen=True, slots=True)
class FirstUse:
    """What has to be written before a connection that was accepted may go on.

    Attributes:
        instance_id: the instance the device connects to.
        ca_id: the registration of the CA it was judged by; it must still be active.
        device_id: the device's registration; None where it is to be registered now.
        view: the device certificate.
        path: how it leads to the CA; None where the device is registered.
        client_id: the identifier to be bound; None where none is, or the device owns it already.
        bound: the binding that was found when it was judged; None where there was none.
    """

    instance_id: str
    ca_id: int
    device_id: int | None
    view: CertificateView
    path: Path | None
    client_id: str | None
    bound: Binding | None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a first use came to.

    Attributes:
        device_id: the device's registration.
        binding_id: the ownership of the client identifier; None where none was asked for.
    """

    device_id: int
    binding_id: int | None


class Overtaken(Exception):  # noqa: N818  undoes the transaction, never leaves the registry
    """Somebody changed what the decision was made on."""


async def enrol(connection: aiosqlite.Connection, first_use: FirstUse) -> Enrolled:
    """Register a device or bind an identifier inside a transaction.

    Args:
        connection: inside a transaction.
        first_use: what to write, and what it was decided on.

    Raises:
        Overtaken: the CA, the device or the binding is no longer as it was found; the transaction
            must be undone.
    """
    device_id = await _device(connection, first_use)
    return Enrolled(device_id, await _binding(connection, device_id, first_use))


async def _device(connection: aiosqlite.Connection, first_use: FirstUse) -> int:
    if first_use.device_id is not None:
        return await _still_active(connection, first_use.device_id, first_use.ca_id)
    view, path = first_use.view, first_use.path
    if path is None:
        raise ValueError("a device is registered with the path to its CA")
    cursor = await connection.execute(
        "INSERT INTO device_certificate (ca_id, sn_key, sn, fingerprint, name, subject,"
        " subject_der, status, der, not_before, not_after, chain)"
        " SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM ca_certificate"
        " WHERE id = ? AND status = ? ON CONFLICT DO NOTHING",
        (
            look_up_key(view.sn),
            view.sn,
            view.fingerprint,
            view.common_name,
            view.subject,
            view.subject_der,
            Status.ACTIVE,
            view.der,
            view.not_before,
            view.not_after,
            b"".join(path.between),
            first_use.ca_id,
            Status.ACTIVE,
        ),
    )
    return _row_written(cursor)


async def _still_active(connection: aiosqlite.Connection, device_id: int, ca_id: int) -> int:
    rows = await connection.execute_fetchall(
        f"SELECT 1 FROM {REGISTERED} WHERE d.id = ? AND d.status = ? AND c.id = ? AND c.status = ?",
        (device_id, Status.ACTIVE, ca_id, Status.ACTIVE),
    )
    if not list(rows):
        raise Overtaken
    return device_id


async def _binding(
    connection: aiosqlite.Connection, device_id: int, first_use: FirstUse
) -> int | None:
    bound = first_use.bound
    if first_use.client_id is None:
        return None if bound is None else await _still_owned(connection, bound)
    if bound is None:
        which = (first_use.instance_id, first_use.client_id)
        cursor = await connection.execute(_BIND, (*which, device_id))
        if not cursor.rowcount:
            await connection.execute(_DISOWN, which)
            cursor = await connection.execute(_BIND, (*which, device_id))
        return _row_written(cursor)
    cursor = await connection.execute(
        "UPDATE client_identifier SET device_id = ? WHERE id = ? AND device_id = ?",
        (device_id, bound.id, bound.device_id),
    )
    _row_written(cursor)
    return bound.id


async def _still_owned(connection: aiosqlite.Connection, bound: Binding) -> int:
    rows = await connection.execute_fetchall(_IS_OWNED, (bound.id, bound.device_id))
    if not list(rows):
        raise Overtaken
    return bound.id


def _row_written(cursor: aiosqlite.Cursor) -> int:
    if cursor.rowcount != 1 or cursor.lastrowid is None:
        raise Overtaken
    return cursor.lastrowid
