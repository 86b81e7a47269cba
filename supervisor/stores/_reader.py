"""Reads of the journal's history, beside the writer: a connection that can not write. Every call blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TypeVar

from supervisor.domain.escalation import Incident
from supervisor.ports import Row, StoreError
from supervisor.stores import _rows, _schema

T = TypeVar("T")

_BUSY_TIMEOUT = 5.0


class Reader:
    """A read-only connection for one thread, made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._conn: sqlite3.Connection | None = None

    def rows(
        self,
        since: float,
        after: int,
        before: int | None,
        agent: str | None,
        events: Collection[str] | None,
        limit: int,
    ) -> list[Row]:
        """Return log records as `ports.Store.rows` has it. Raises StoreError."""
        wanted = {"at >= ?": since or None, "id > ?": after or None, "id < ?": before, "agent = ?": agent}
        where = {clause: value for clause, value in wanted.items() if value is not None}
        among = () if events is None else (f"event IN ({', '.join('?' * len(events))})",)
        # Who follows the log asks for what is new: few rows, found by their number and not by their time.
        index = "NOT INDEXED" if after else ""
        found = self._query(
            f"SELECT id, at, event, agent, incident, CAST(fields AS BLOB) FROM rows {index} "  # noqa: S608  # no values
            f"WHERE {' AND '.join(['true', *where, *among])} ORDER BY id {'ASC' if after else 'DESC'} LIMIT ?",
            (*where.values(), *(events or ()), limit),
            lambda rows: [_rows.row(columns) for columns in rows],
        )
        return found if after else found[::-1]

    def incidents(self, since: float, before: tuple[float, str] | None, limit: int) -> list[Incident]:
        """Return incidents as `ports.Store.incidents` has it; those that can not be read are left out."""
        return self._query(
            "SELECT id, CAST(data AS BLOB) FROM incidents WHERE opened_at >= ? AND (opened_at, id) < (?, ?) "
            "ORDER BY opened_at DESC, id DESC LIMIT ?",
            (since, *(before or (inf, "")), limit),
            lambda found: list(_rows.values(_rows.INCIDENT, found)[0].values()),
        )

    def _query(self, sql: str, values: tuple[object, ...], read: Callable[[sqlite3.Cursor], T]) -> T:
        try:
            if self._conn is None:
                address = f"{self._path.absolute().as_uri()}?mode=ro"
                self._conn = _schema.connect(address, _BUSY_TIMEOUT, uri=True)
            return read(self._conn.execute(sql, values))
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self._path}: can not be read: {error}") from error

    def stop(self) -> None:
        """End a read that is under way, with StoreError; for any thread."""
        conn = self._conn
        if conn is not None:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                conn.interrupt()

    def close(self) -> None:
        """Close the connection; the next read makes another."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None
