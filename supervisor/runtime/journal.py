"""Record -> log and store. Changes are written in the order in which they were made, all that wait at once.

A store that fails never stops the supervision: it is said once, tried again, and then given everything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from supervisor.domain.health import Health
from supervisor.domain.records import JournalFailed, JournalRestored, Record
from supervisor.ports import Clock, Entry, Row, Saved, Store, StoreError, StoreLockedError
from supervisor.runtime.change import Change

RETRY_EVERY = 5.0
"""Wait (s) before a failed store is tried again."""

PATIENCE = 2.0
"""Longest wait (s) of a decision for the disk: a hung disk must not hang the restarts."""

_FOLLOWER_LIMIT = 1000
_ROWS_KEPT = 1000


class Journal:
    """The one way by which anything reaches the log and the store.

    Args:
        emit: writes a record to the log; never blocks.
        fields: returns a record's fields as the store keeps them, JSON-ready, without `agent` and `incident`.
        picture: returns everything that is known now, for a store that has to begin anew.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        emit: Callable[[Record, float], None],
        fields: Callable[[Record], dict[str, Any]],
        picture: Callable[[], Change],
    ) -> None:
        self._store = store
        self._clock = clock
        self._emit = emit
        self._fields = fields
        self._picture = picture
        self._waiting: deque[tuple[Entry, asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._unwritten: deque[Row] = deque(maxlen=_ROWS_KEPT)
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
            self._failed(error)
            return Saved()
        return saved

    def post(self, change: Change) -> asyncio.Future[None]:
        """Log the change's records at once, and queue it for the store. The result is set when it is written.

        It is set too while the store fails: the change then lives in memory until the store is back.
        """
        now = self._clock.now()
        rows = tuple(self._row(record, now) for record in change.records if record.KEPT)
        for record in change.records:
            self._emit(record, now)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.error is None:
            self._waiting.append((replace(change.entry(), rows=rows), done))
            self._wake.set()
        else:
            self._unwritten.extend(rows)
            done.set_result(None)
        return done

    async def commit(self, change: Change) -> None:
        """`post`, and wait until it is written, `PATIENCE` at most."""
        await asyncio.wait((self.post(change),), timeout=PATIENCE)

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
        taken = list(self._waiting)
        self._waiting.clear()
        try:
            if self.error is not None:
                await self._restore()
            elif taken:
                await self._store.commit(_merged([entry for entry, _ in taken]))
        except StoreError as error:
            self._unwritten.extend(row for entry, _ in taken for row in entry.rows)
            self._failed(error)
        except asyncio.CancelledError:
            self._waiting.extendleft(reversed(taken))
            raise
        for _, done in taken:
            if not done.done():
                done.set_result(None)

    async def follow(self) -> AsyncIterator[Row]:
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

    async def _restore(self) -> None:
        saved = await self._store.open()
        note = "; ".join(saved.notes) or "the journal can be written again"
        change = self._picture()
        now = self._clock.now()
        record = JournalRestored(note)
        rows = (*self._unwritten, self._row(record, now))
        await self._store.commit(replace(change.entry(), rows=rows))
        self._unwritten.clear()
        self.error = None
        self._emit(record, now)


def _merged(entries: list[Entry]) -> Entry:
    if len(entries) == 1:
        return entries[0]
    agents: dict[str, Health] = {}
    forgotten: set[str] = set()
    for entry in entries:
        forgotten.update(entry.forgotten)
        for name in entry.forgotten:
            agents.pop(name, None)
        for name, health in entry.agents:
            agents[name] = health
            forgotten.discard(name)
    return Entry(
        agents=tuple(agents.items()),
        forgotten=tuple(forgotten),
        incidents=tuple({one.id: one for entry in entries for one in entry.incidents}.values()),
        deliveries=tuple({one.id: one for entry in entries for one in entry.deliveries}.values()),
        silences=tuple({one.id: one for entry in entries for one in entry.silences}.values()),
        rows=tuple(row for entry in entries for row in entry.rows),
        facts=tuple({key: value for entry in entries for key, value in entry.facts}.items()),
    )
