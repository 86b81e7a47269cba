"""Record -> log and store. Changes are written in the order in which they were made, all that wait at once.

A store that fails or hangs never stops the supervision: it is said once, tried again, and then given everything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from supervisor.domain.records import JournalFailed, JournalRestored, Record
from supervisor.ports import Clock, Entry, Row, Saved, Store, StoreError, StoreLockedError
from supervisor.runtime.change import Change

RETRY_EVERY = 5.0
"""Wait (s) before a failed store is tried again."""

PATIENCE = 2.0
"""Longest wait (s) of decisions for the disk: a hung disk must not hang the restarts."""

ALIVE_AT = "alive_at"
"""The fact that tells until when (s since the epoch) somebody watched."""

ROWS_KEPT = 50_000
"""Log records that wait for a store that does not write, the newest."""

_FOLLOWER_LIMIT = 1000


@dataclass(slots=True)
class _Batch:
    """What is written together; `settled` once it is, or once the store has failed."""

    change: Change = field(default_factory=Change)
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT))
    empty: bool = True
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, change: Change, rows: tuple[Row, ...]) -> None:
        self.change.update(change)
        self.rows.extend(rows)
        self.empty = False

    def entry(self, *more: Row) -> Entry:
        return replace(self.change.entry(), rows=(*self.rows, *more))


class Journal:
    """The one way by which anything reaches the log and the store.

    Args:
        emit: writes a record to the log; never blocks.
        fields: returns a record's fields as the store keeps them, JSON-ready, without `agent` and `incident`.
        picture: returns everything that is known now, for a store that has to begin anew.
        inherit: takes over what an earlier life left, where the store could not be opened at the start.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        emit: Callable[[Record, float], None],
        fields: Callable[[Record], dict[str, Any]],
        picture: Callable[[], Change],
        inherit: Callable[[Saved], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._emit = emit
        self._fields = fields
        self._picture = picture
        self._inherit = inherit
        self._inherited = False
        self._waiting = _Batch()
        self._writing: _Batch | None = None
        self._writing_since = 0.0
        self._wake = asyncio.Event()
        self._followers: set[asyncio.Queue[Row]] = set()
        self._last_row = 0
        self.error: str | None = None

    async def open(self) -> Saved:
        """Open the store; where it can not be used, say so and begin with nothing."""
        try:
            saved = await self._store.open()
            self._last_row = max((row.id for row in await self._store.rows(limit=1)), default=0)
        except StoreLockedError:
            raise
        except StoreError as error:
            # Higher than any number in a file that can be read later on.
            self._last_row = int(self._clock.now() * 1000)
            self._failed(error)
            return Saved()
        self._inherited = True
        return saved

    def post(self, change: Change) -> None:
        """Log the change's records at once, and queue it for the store."""
        now = self._clock.now()
        rows = tuple(self._row(record, now) for record in change.records if record.KEPT)
        for record in change.records:
            self._emit(record, now)
        self._waiting.add(change, rows)
        self._wake.set()

    async def commit(self, change: Change) -> None:
        """`post`, and wait until it is `settled`."""
        self.post(change)
        await self.settled()

    async def settled(self) -> None:
        """Wait until everything that was posted is written, but for no store that fails, or hangs over `PATIENCE`."""
        batch = self._writing if self._waiting.empty else self._waiting
        if self.error is not None or batch is None:
            return
        now = asyncio.get_running_loop().time()
        hung = 0.0 if self._writing is None else now - self._writing_since
        try:
            async with asyncio.timeout(max(0.0, PATIENCE - hung)):
                await batch.settled.wait()
        except TimeoutError:
            pass

    def note(self, *records: Record) -> None:
        """Log records that change nothing else."""
        if any(record.KEPT for record in records):
            self.post(Change(records=list(records)))
            return
        now = self._clock.now()
        for record in records:
            self._emit(record, now)

    async def run(self) -> None:
        """Write what waits, for ever."""
        while True:
            if self.error is None:
                await self._wake.wait()
            else:
                await asyncio.sleep(RETRY_EVERY)
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write everything that waits now."""
        batch, self._waiting = self._waiting, _Batch()
        self._writing, self._writing_since = batch, asyncio.get_running_loop().time()
        batch.change.facts[ALIVE_AT] = repr(self._clock.now())
        try:
            if self.error is not None:
                await self._restore(batch)
            else:
                await self._store.commit(batch.entry())
        except BaseException as error:
            # What was not written waits on, before what came meanwhile.
            newer, self._waiting = self._waiting, batch
            batch.add(newer.change, tuple(newer.rows))
            self._wake.set()
            if not isinstance(error, StoreError):
                raise
            self._failed(error)
            newer.settled.set()
            batch.settled.set()
        else:
            batch.settled.set()
        finally:
            self._writing = None

    async def close(self) -> None:
        """Write everything that waits, with a second try where the store has failed, and close it."""
        await self.flush()
        if self.error is not None:
            await self.flush()
        await self._store.close()

    async def follow(self) -> AsyncGenerator[Row, None]:
        """Yield each kept record as it is made; a reader that is too slow loses the oldest."""
        queue: asyncio.Queue[Row] = asyncio.Queue(_FOLLOWER_LIMIT)
        self._followers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._followers.discard(queue)

    def _row(self, record: Record, now: float) -> Row:
        self._last_row += 1
        agent, incident = getattr(record, "agent", None), getattr(record, "incident", None)
        row = Row(now, record.event(), agent, incident, self._fields(record), self._last_row)
        for queue in self._followers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(row)
        return row

    def _failed(self, error: StoreError) -> None:
        if self.error is None:
            self._emit(JournalFailed(str(error)), self._clock.now())
        self.error = str(error)

    async def _restore(self, batch: _Batch) -> None:
        saved = await self._store.open()
        now = self._clock.now()
        record = JournalRestored("; ".join(saved.notes) or "the journal can be written again")
        if not self._inherited:
            self._inherit(saved)
            self._inherited = True
        batch.change.update(self._picture())
        await self._store.commit(batch.entry(self._row(record, now)))
        self.error = None
        self._emit(record, now)
