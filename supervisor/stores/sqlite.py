"""The journal in SQLite: one thread writes, another reads, and the event loop waits for neither."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from supervisor.domain.escalation import Incident
from supervisor.ports import Entry, Row, Saved, StoreError
from supervisor.stores._database import Database
from supervisor.stores._reader import Reader

P = ParamSpec("P")
T = TypeVar("T")


class SqliteStore:
    """`ports.Store` in the file `path`, with a lock file `<path>.lock` beside it.

    Group commit: whatever waits when the writer is free goes into one transaction, so that a crowd of
    commits costs one sync of the disk. After a StoreError the store may be opened again, open or closed;
    an open one keeps its lock meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = Database(path)
        self._reader = Reader(path)
        self._threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor] | None = None
        self._readable = False
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def open(self) -> Saved:
        """Open, migrate, lock; return what is kept. Raises StoreLockedError, StoreError."""
        if self._threads is None:
            self._threads = (ThreadPoolExecutor(1, "journal-writer"), ThreadPoolExecutor(1, "journal-reader"))
        await self._let_go_of_reader()
        try:
            saved = await self._on_writer(self._database.open)
        except Exception:
            await self.close()
            raise
        self._readable = True
        return saved

    async def commit(self, entry: Entry) -> None:
        """Write `entry`, durable on return. Raises StoreError.

        Cancelled meanwhile, it may be written or not.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting(), name=f"journal-commit {self._path.name}")
        await done

    async def rows(
        self,
        *,
        since: float = 0.0,
        after: int = 0,
        before: int | None = None,
        agent: str | None = None,
        events: Collection[str] | None = None,
        limit: int = 1000,
    ) -> Sequence[Row]:
        """Return the newest `limit` log records, by their number, oldest first. Raises StoreError."""
        return await self._on_reader(self._reader.rows, since, after, before, agent, events, limit)

    async def incidents(
        self, *, since: float = 0.0, before: tuple[float, str] | None = None, limit: int = 1000
    ) -> Sequence[Incident]:
        """Return the newest `limit` incidents opened at or after `since`, newest first. Raises StoreError."""
        return await self._on_reader(self._reader.incidents, since, before, limit)

    async def prune(self, before: float) -> int:
        """Delete, in small steps, what is older than `before` (s since the epoch) and give the space back.

        Returns how many log records and incidents went; finished deliveries and ended silences go too.
        """
        count, more = 0, True
        while more:
            gone, more = await self._on_writer(self._database.prune, before)
            count += gone
        while await self._on_writer(self._database.shrink):
            pass
        return count

    async def close(self) -> None:
        """Write what waits, close, let go of the lock. Safe after any failure, and twice."""
        if self._threads is None:
            return
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self._let_go_of_reader()
        await self._on_writer(self._database.close)
        threads, self._threads = self._threads, None
        for thread in threads:
            thread.shutdown()

    async def _let_go_of_reader(self) -> None:
        """Close the reading connection, so that it does not outlive the file; a read under way is cut short."""
        self._readable = False
        closing = asyncio.create_task(self._run(1, self._reader.close), name=f"journal-close {self._path.name}")
        while not closing.done():
            self._reader.stop()
            await asyncio.wait([closing], timeout=0.05)  # a read that only begins now did not hear it
        await closing

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            outcomes: Sequence[Exception | None]
            try:
                outcomes = await self._on_writer(self._database.write, [entry for entry, _ in batch])
            except Exception as error:  # noqa: BLE001  # whatever it is, everybody who waits must hear of it
                outcomes = [error] * len(batch)
            for (_, done), failure in zip(batch, outcomes, strict=True):
                if done.done():  # its waiter was cancelled
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)

    async def _on_writer(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(0, call, *args, **kwargs)

    async def _on_reader(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._readable:
            raise StoreError(f"{self._path}: not open")
        return await self._run(1, call, *args, **kwargs)

    async def _run(self, thread: int, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._threads is None:
            raise StoreError(f"{self._path}: not open")
        return await asyncio.wrap_future(self._threads[thread].submit(call, *args, **kwargs))
