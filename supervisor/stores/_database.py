"""The journal's SQLite file and its one writing connection. Every call blocks: it belongs to a thread of its own."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from supervisor.ports import Entry, Saved, StoreError
from supervisor.stores import _rows, _schema, _tables
from supervisor.stores._lock import ProcessLock

_BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that has the file locked, such as a backup."""

_PAGES_AT_ONCE = 500

_WAL_LIMIT = 8 * 1024 * 1024
"""Bytes of the write-ahead log that are kept for the next writes, once a checkpoint has emptied it.

It grows as long as somebody reads an old state of the journal, such as a backup.
"""

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Database:
    """One journal. Failures are StoreErrors that name the file and the cause; `open` may be called after any."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = ProcessLock(path.with_name(f"{path.name}.lock"))
        self._conn: sqlite3.Connection | None = None
        self._file: os.stat_result | None = None
        self._notes: list[str] = []

    def open(self) -> Saved:
        """Lock, check, migrate and read. A damaged file is set aside. A lock that is held already is kept."""
        self._disconnect()
        try:
            with self._explained("can not be opened"):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock.acquire()
                saved = self._connect_or_begin_anew()
        except BaseException:
            self.close()
            raise
        # Kept until now: an attempt that set a file aside and then failed must not take its note with it.
        saved = replace(saved, notes=tuple(self._notes))
        self._notes.clear()
        return saved

    def write(self, entries: Sequence[Entry]) -> list[StoreError | None]:
        """Write all in one transaction, or, where that fails, each in its own; return what became of each."""
        try:
            self._write(_rows.sheet(entries))
        except StoreError as error:
            return [error] if len(entries) == 1 else self._write_singly(entries)
        return [None] * len(entries)

    def prune(self, before: float) -> tuple[int, bool]:
        """Delete one step of what is older; return how much went, and whether there may be more."""
        with self._explained("can not be pruned"), self._transaction() as conn:
            return _tables.prune(conn, before)

    def shrink(self) -> bool:
        """Give some unused pages back to the disk; return whether there are more."""
        with self._explained("can not be made smaller"):
            conn = self._connected()
            unused = conn.execute("PRAGMA freelist_count").fetchone()[0]
            conn.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")  # `execute` would stop at one page
            left = conn.execute("PRAGMA freelist_count").fetchone()[0]
            return bool(0 < left < unused)

    def close(self) -> None:
        """Close, whatever happened before, and let go of the lock."""
        self._disconnect()
        self._lock.release()

    # --- opening -------------------------------------------------------------------------------------

    def _connect_or_begin_anew(self) -> Saved:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if _code(error) not in _DAMAGE:
                raise
            self._disconnect()
            self._set_aside(str(error))
        return self._connect()

    def _connect(self) -> Saved:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        elif not self._path.is_file():
            raise StoreError(f"{self._path}: not a regular file")
        conn = self._conn = _schema.connect(str(self._path), _BUSY_TIMEOUT)
        self._file = self._path.stat()
        verdict = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise _damaged(verdict)
        _schema.check(conn, self._path)
        conn.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heard by an empty file only, and before WAL
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
        conn.execute("PRAGMA synchronous = FULL")
        _schema.migrate(conn)
        try:
            with self._transaction():
                return _tables.saved(conn, lambda note: self._notes.append(f"{self._path}: {note}"))
        except sqlite3.OperationalError as error:
            if _code(error) == sqlite3.SQLITE_ERROR:  # "no such table": nothing else is wrong with these statements
                raise _damaged(str(error)) from error
            raise

    def _set_aside(self, why: str) -> None:
        """Rename the damaged file, with its companions, to a name that nothing has yet."""
        name = self._path.name
        aside = stem = f"{name}.corrupt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        number = 1
        while self._path.with_name(aside).exists():
            number += 1
            aside = f"{stem}-{number}"
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                self._path.with_name(name + suffix).rename(self._path.with_name(aside + suffix))
        self._notes.append(f"{self._path}: damaged ({why}): set aside as {self._path.with_name(aside)}, begun anew")

    # --- writing -------------------------------------------------------------------------------------

    def _write(self, sheet: _rows.Sheet) -> None:
        with self._explained("can not be written"):
            if self._file is not None and not os.path.samestat(self._path.stat(), self._file):
                raise StoreError(f"{self._path}: another file has taken the journal's place")
            with self._transaction() as conn:
                _tables.put(conn, sheet)

    def _write_singly(self, entries: Sequence[Entry]) -> list[StoreError | None]:
        outcomes: list[StoreError | None] = []
        busy: StoreError | None = None
        for entry in entries:
            if busy is not None:  # each would wait as long again
                outcomes.append(StoreError(str(busy)))
                continue
            outcomes += self.write([entry])
            last = outcomes[-1]
            if last is not None and _code(last.__cause__) in _BUSY:
                busy = last
        return outcomes

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        conn = self._connected()
        conn.execute("BEGIN IMMEDIATE")
        try:
            yield conn
            conn.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some failures have ended the transaction already
                conn.execute("ROLLBACK")
            raise

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, OverflowError) as error:
            raise StoreError(f"{self._path}: {what}: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        if self._conn is None:
            raise StoreError(f"{self._path}: not open")
        return self._conn

    def _disconnect(self) -> None:
        if self._conn is not None:
            with suppress(sqlite3.Error):
                self._conn.close()
            self._conn = self._file = None


def _code(error: BaseException | None) -> int:
    """Return SQLite's primary result code, -1 where it is no error of SQLite's."""
    return int(getattr(error, "sqlite_errorcode", -1)) & 0xFF if isinstance(error, sqlite3.Error) else -1


def _damaged(why: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
