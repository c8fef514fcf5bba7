"""The registry's schema, step by step; `PRAGMA user_version` says how far a file has come."""

import sqlite3

from certgate_certs.registry.errors import RegistryTooNew

# AUTOINCREMENT everywhere a number means "this registration": one that was deleted must never
# come back as another's, or a connection decided on the old row could be credited to the new one.
_FIRST = """
CREATE TABLE ca_certificate (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id TEXT NOT NULL,
    sn_key TEXT NOT NULL UNIQUE,
    sn TEXT NOT NULL,
    name TEXT NOT NULL,
    status INTEGER NOT NULL,
    der BLOB NOT NULL,
    content TEXT NOT NULL,
    verification TEXT NOT NULL,
    registration_code TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL
) STRICT;
CREATE INDEX ca_certificate_by_instance ON ca_certificate (instance_id, id);
CREATE TABLE device_certificate (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ca_id INTEGER NOT NULL REFERENCES ca_certificate (id) ON DELETE CASCADE,
    sn_key TEXT NOT NULL,
    sn TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_der BLOB NOT NULL,
    status INTEGER NOT NULL,
    der BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    chain BLOB NOT NULL,
    UNIQUE (ca_id, sn_key)
) STRICT;
CREATE INDEX device_certificate_by_fingerprint ON device_certificate (fingerprint);
CREATE TABLE client_identifier (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    device_id INTEGER NOT NULL REFERENCES device_certificate (id) ON DELETE CASCADE,
    UNIQUE (instance_id, client_id)
) STRICT;
CREATE INDEX client_identifier_by_device ON client_identifier (device_id);
CREATE TABLE registration_code (
    code TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    used INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE decision (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    instance_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    tls_version TEXT NOT NULL,
    resumed INTEGER NOT NULL,
    subject TEXT NOT NULL,
    ca_sn TEXT NOT NULL,
    device_sn TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    reasons TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE TABLE closing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    instance_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    ca_sn TEXT NOT NULL,
    device_sn TEXT NOT NULL,
    cause TEXT NOT NULL
) STRICT;
CREATE TABLE withdrawal (number INTEGER NOT NULL) STRICT;
INSERT INTO withdrawal VALUES (0);
CREATE TABLE era (number INTEGER NOT NULL) STRICT;
INSERT INTO era VALUES (0);
CREATE TABLE clock (offset_ms INTEGER NOT NULL) STRICT;
INSERT INTO clock VALUES (0);
CREATE TABLE fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    target TEXT NOT NULL,
    fields TEXT NOT NULL,
    life INTEGER NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0,
    struck INTEGER NOT NULL DEFAULT 0,
    UNIQUE (name, target)
) STRICT;
CREATE TABLE grace_ca (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    until INTEGER NOT NULL,
    id INTEGER NOT NULL,
    instance_id TEXT NOT NULL,
    sn_key TEXT NOT NULL,
    sn TEXT NOT NULL,
    name TEXT NOT NULL,
    status INTEGER NOT NULL,
    der BLOB NOT NULL,
    content TEXT NOT NULL,
    verification TEXT NOT NULL,
    registration_code TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL
) STRICT;
CREATE TABLE grace_device (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    until INTEGER NOT NULL,
    id INTEGER NOT NULL,
    ca_id INTEGER NOT NULL,
    sn_key TEXT NOT NULL,
    sn TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_der BLOB NOT NULL,
    status INTEGER NOT NULL,
    der BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE INDEX grace_device_by_id ON grace_device (id, until);
CREATE INDEX grace_device_by_fingerprint ON grace_device (fingerprint);
CREATE TABLE grace_identifier (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    until INTEGER NOT NULL,
    id INTEGER NOT NULL,
    instance_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    device_id INTEGER NOT NULL
) STRICT;
CREATE INDEX grace_identifier_by_id ON grace_identifier (id, until);
CREATE INDEX grace_identifier_by_client ON grace_identifier (instance_id, client_id);
CREATE TABLE broker_process (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL
) STRICT;
CREATE TABLE request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE answer (
    request_id INTEGER NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    process_id INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (request_id, process_id)
) STRICT, WITHOUT ROWID
"""

# Devices outlive their CA: it is deleted at once, they are removed little by little (remains.py).
_SECOND = """
CREATE TABLE device (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ca_id INTEGER NOT NULL,
    sn_key TEXT NOT NULL,
    sn TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_der BLOB NOT NULL,
    status INTEGER NOT NULL,
    der BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    chain BLOB NOT NULL,
    UNIQUE (ca_id, sn_key)
) STRICT;
INSERT INTO device SELECT * FROM device_certificate;
DELETE FROM sqlite_sequence WHERE name = 'device';
INSERT INTO sqlite_sequence SELECT 'device', seq FROM sqlite_sequence
    WHERE name = 'device_certificate';
DROP TABLE device_certificate;
ALTER TABLE device RENAME TO device_certificate;
CREATE INDEX device_certificate_by_fingerprint ON device_certificate (fingerprint);
CREATE INDEX device_certificate_by_ca ON device_certificate (ca_id);
CREATE TABLE deleted_ca (id INTEGER PRIMARY KEY) STRICT
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _SECOND)
"""One script a version, oldest first; a script that has been released is never edited."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a registry file to the newest version; several processes may try at once.

    Args:
        connection: in autocommit mode.

    Raises:
        RegistryTooNew: the file was written by a newer certgate.
        sqlite3.Error: the file cannot be written; nothing of the failed step remains.
    """
    if _version(connection) == len(MIGRATIONS):
        return
    # A table that is dropped would take what refers to it along. This has no effect once one has
    # begun.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[_known_version(connection) :]:
            _run(connection, script)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()  # Does nothing where SQLite has rolled back already.
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _known_version(connection: sqlite3.Connection) -> int:
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise RegistryTooNew(version, len(MIGRATIONS))
    return version


def _run(connection: sqlite3.Connection, script: str) -> None:
    # Not executescript(): it commits first, and a step must be whole or absent.
    for statement in script.split(";"):
        connection.execute(statement)
