"""What stands in the journal's tables: written, read back at the start, and pruned, through an open connection."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TypeVar

import msgspec

from supervisor.ports import Saved
from supervisor.stores import _rows

T = TypeVar("T")

PRUNED_AT_ONCE = 500
"""Rows of each table that go in one step: commits wait no longer than that takes."""

_TOGETHER = 20
"""Rows in one INSERT: by the score takes two thirds of the time of one by one."""

_OPEN_INCIDENTS = """
    SELECT id, CAST(data AS BLOB) FROM incidents
    WHERE open = 1 OR id IN (SELECT incident FROM deliveries WHERE state = 'pending') ORDER BY opened_at, id"""
_PENDING = "SELECT id, CAST(data AS BLOB) FROM deliveries WHERE state = 'pending' ORDER BY created_at, id"

_OLD = {
    "rows": "at < ?",
    "incidents": """open = 0 AND resolved_at < ? AND NOT EXISTS
        (SELECT 1 FROM deliveries WHERE incident = incidents.id AND state = 'pending')""",
    "deliveries": "created_at < ? AND state <> 'pending'",
    "silences": "ends_at < ?",
    "rejected": "at < ?",
}


def put(conn: sqlite3.Connection, sheet: _rows.Sheet) -> None:
    """Write a sheet, inside the caller's transaction."""
    gone = [(name,) for name, state in sheet.agents.items() if state is None]
    kept = [(name, state) for name, state in sheet.agents.items() if state is not None]
    conn.executemany("DELETE FROM agents WHERE name = ?", gone)
    _insert(conn, "INSERT INTO agents (name, state)", kept, "ON CONFLICT (name) DO UPDATE SET state = excluded.state")
    _insert(conn, "REPLACE INTO incidents (id, key, open, opened_at, resolved_at, data)", sheet.incidents.values())
    _insert(conn, "REPLACE INTO deliveries (id, incident, channel, state, created_at, data)", sheet.deliveries.values())
    _insert(conn, "REPLACE INTO silences (id, ends_at, data)", sheet.silences.values())
    conn.executemany(
        "DELETE FROM findings WHERE id = ?", [(id_,) for id_, data in sheet.findings.items() if data is None]
    )
    kept_findings = [(id_, data) for id_, data in sheet.findings.items() if data is not None]
    _insert(conn, "REPLACE INTO findings (id, data)", kept_findings)
    _insert(conn, "REPLACE INTO rows (id, at, event, agent, incident, fields)", sheet.rows)
    _insert(conn, "REPLACE INTO facts (key, value)", sheet.facts.items())


def _insert(conn: sqlite3.Connection, into: str, rows: Iterable[Sequence[object]], conflict: str = "") -> None:
    rows = [*rows]
    if not rows:
        return
    places = f"({', '.join('?' * len(rows[0]))})"
    whole = len(rows) - len(rows) % _TOGETHER
    for first in range(0, whole, _TOGETHER):
        many = f"{into} VALUES {', '.join([places] * _TOGETHER)} {conflict}"
        conn.execute(many, [*chain.from_iterable(rows[first : first + _TOGETHER])])
    conn.executemany(f"{into} VALUES {places} {conflict}", rows[whole:])


def saved(conn: sqlite3.Connection, note: Callable[[str], None]) -> Saved:
    """Read what the next life needs, inside the caller's transaction.

    What can not be read goes to the table `rejected`, and `note` is told.
    """

    def values(table: str, decoder: msgspec.json.Decoder[T], sql: str) -> dict[str, T]:
        good, bad = _rows.values(decoder, conn.execute(sql))
        if bad:
            _reject(conn, table, bad)
            first, why = next(iter(bad.items()))
            note(f"{len(bad)} of table {table} unreadable, moved to table rejected; the first is {first}: {why}")
        return good

    return Saved(
        agents=values("agents", _rows.HEALTH, "SELECT name, CAST(state AS BLOB) FROM agents"),
        incidents=tuple(values("incidents", _rows.INCIDENT, _OPEN_INCIDENTS).values()),
        deliveries=tuple(values("deliveries", _rows.DELIVERY, _PENDING).values()),
        silences=tuple(
            values("silences", _rows.SILENCE, "SELECT id, CAST(data AS BLOB) FROM silences ORDER BY id").values()
        ),
        findings=tuple(
            values("findings", _rows.FINDING, "SELECT id, CAST(data AS BLOB) FROM findings ORDER BY id").values()
        ),
        facts=dict(conn.execute("SELECT key, value FROM facts")),
    )


def _reject(conn: sqlite3.Connection, table: str, why: dict[str, str]) -> None:
    key, data = ("name", "state") if table == "agents" else ("id", "data")
    now = time.time()
    conn.executemany(
        f"INSERT INTO rejected SELECT '{table}', {key}, {data}, ?, ? FROM {table} WHERE {key} = ?",  # noqa: S608
        [(reason, now, name) for name, reason in why.items()],
    )
    conn.executemany(f"DELETE FROM {table} WHERE {key} = ?", [(name,) for name in why])  # noqa: S608


def prune(conn: sqlite3.Connection, before: float) -> tuple[int, bool]:
    """Delete one step of what is older than `before`, inside the caller's transaction.

    Returns how many log records and incidents went, and whether there may be more.
    """
    gone = {
        table: conn.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {old} LIMIT {PRUNED_AT_ONCE})",  # noqa: S608
            (before,),
        ).rowcount
        for table, old in _OLD.items()
    }
    return gone["rows"] + gone["incidents"], PRUNED_AT_ONCE in gone.values()
