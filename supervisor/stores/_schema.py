"""The journal's tables, and the steps from each version of them to the next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from supervisor.ports import StoreError

APPLICATION_ID = 0x636F6C73
"""Marks a SQLite file as a journal of this program: nobody else's database is ever touched."""

_FIRST = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE agents (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE incidents (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, open INTEGER NOT NULL, opened_at REAL NOT NULL, resolved_at REAL,
    data TEXT NOT NULL
);
CREATE INDEX incidents_opened ON incidents (opened_at);
CREATE INDEX incidents_open ON incidents (opened_at) WHERE open = 1;
CREATE INDEX incidents_closed ON incidents (resolved_at) WHERE open = 0;
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY, incident TEXT NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL, created_at REAL NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX deliveries_created ON deliveries (created_at);
CREATE INDEX deliveries_pending ON deliveries (incident) WHERE state = 'pending';
CREATE TABLE silences (id TEXT PRIMARY KEY, ends_at REAL NOT NULL, data TEXT NOT NULL);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, event TEXT NOT NULL, agent TEXT, incident TEXT,
    fields TEXT NOT NULL
);
CREATE INDEX rows_at ON rows (at);
CREATE INDEX rows_event ON rows (event, at);
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rejected ("table" TEXT NOT NULL, key TEXT, data, why TEXT NOT NULL, at REAL NOT NULL);
"""
# The indexes of `rows` grow at their end only. One by agent would be written all over at every commit and halve
# the rate, so a search by agent alone goes through the records of the time that is asked for.

_FINDINGS = """
CREATE TABLE findings (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _FINDINGS)
"""Step n leads from version n to version n + 1; a released step is never changed."""


def connect(database: str, busy_timeout: float, *, uri: bool = False) -> sqlite3.Connection:
    """Return a connection without implicit transactions that reads damaged text too. One thread at a time has it."""
    conn = sqlite3.connect(database, timeout=busy_timeout, isolation_level=None, check_same_thread=False, uri=uri)
    conn.text_factory = lambda text: text.decode("utf-8", "replace")
    return conn


def version(conn: sqlite3.Connection) -> int:
    """Return the version of the tables in this database, 0 where there are none yet."""
    return int(conn.execute("PRAGMA user_version").fetchone()[0])


def check(conn: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError where the database is not ours, or was made by a newer version of this program."""
    found = version(conn)
    if found > len(MIGRATIONS):
        raise StoreError(
            f"{path}: its schema has version {found}, this program knows versions up to {len(MIGRATIONS)}: "
            "a newer release wrote it"
        )
    owner = conn.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID and conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise StoreError(f"{path}: a database of another program, left as it is")


def migrate(conn: sqlite3.Connection) -> None:
    """Bring the tables to the newest version, each step with its version number in one transaction."""
    for number, step in enumerate(MIGRATIONS[version(conn) :], version(conn) + 1):
        conn.executescript(f"BEGIN IMMEDIATE;\n{step};\nPRAGMA user_version = {number};\nCOMMIT;")
