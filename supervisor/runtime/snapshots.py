"""The dashboard's file: written hourly and after each transition, atomically, and never too often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from supervisor.domain.fleet import Fleet
from supervisor.domain.metrics import DAY, Metrics
from supervisor.domain.records import (
    ClockSkew,
    DashboardFailed,
    DashboardWritten,
    HeartbeatMissed,
    NotificationSent,
    Record,
    UnregisteredAgent,
)
from supervisor.ports import Clock, Row, Store, StoreError
from supervisor.runtime.journal import Journal
from supervisor.runtime.measures import Measures

_ROWS = 100_000
_PATIENCE = 10.0

_SHOWN = (ClockSkew, HeartbeatMissed, NotificationSent, UnregisteredAgent)
"""Records that the page does not tell of, though it shows what has changed with them."""

Capture = Callable[[], Callable[[], Fleet]]
Render = Callable[[Callable[[], Fleet], Sequence[Row], Metrics | None, float, float], Awaitable[bytes]]
Write = Callable[[Path, bytes], Awaitable[None]]


class Snapshots:
    """Writes the page.

    Args:
        capture: returns what makes the picture of this moment, at any time and in any thread.
        measures: gives the figures of the last day.
        render: makes the page of (what makes the picture, history, figures, now, next due), away from the event loop.
        write: replaces the file, away from the event loop.
        events: the kept log records that the page tells of, by name.
        interval, min_interval: longest and shortest time (s) between two pages.
    """

    def __init__(
        self,
        file: Path,
        clock: Clock,
        journal: Journal,
        store: Store,
        measures: Measures,
        *,
        capture: Capture,
        render: Render,
        write: Write,
        events: Collection[str],
        interval: float,
        min_interval: float,
    ) -> None:
        self.interval = interval
        self.min_interval = min_interval
        self._file = file
        self._clock = clock
        self._journal = journal
        self._store = store
        self._measures = measures
        self._capture = capture
        self._render = render
        self._write = write
        self._events = events
        self._changed = asyncio.Event()
        self._failing = False

    def see(self, record: Record) -> None:
        """Write the page anew soon, where `record` tells of something that it shows."""
        if record.KEPT and (isinstance(record, _SHOWN) or record.event() in self._events):
            self._changed.set()

    def touch(self) -> None:
        """Write the page anew soon: figures that it shows have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Write the page when it is due, for ever."""
        now = asyncio.get_running_loop().time  # no step of the wall clock may lengthen a wait
        while True:
            await self.write()
            wrote = now()
            try:
                async with asyncio.timeout(self.interval):
                    await self._changed.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(max(0.0, wrote + self.min_interval - now()))

    async def write(self) -> bytes:
        """Render the page and replace the file; where that fails the old page stays. Return the page."""
        self._changed.clear()
        begun = self._clock.now()
        page = await self.render()
        try:
            await self._write(self._file, page)
        except OSError as error:
            if not self._failing:
                self._journal.note(DashboardFailed(str(self._file), error.strerror or str(error)))
            self._failing = True
        else:
            self._failing = False
            self._journal.note(DashboardWritten(str(self._file), len(page), self._clock.now() - begun))
        return page

    async def render(self) -> bytes:
        """Return the page as it would be written now."""
        await self._journal.settled()  # what has just happened is part of the history
        history, figures = await asyncio.gather(self._history(), self._figures())
        now = self._clock.now()
        return await self._render(self._capture(), history, figures, now, now + self.interval)

    async def _history(self) -> Sequence[Row]:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._store.rows(since=self._clock.now() - DAY, events=self._events, limit=_ROWS)
        except (StoreError, TimeoutError):
            return ()

    async def _figures(self) -> Metrics | None:
        """Return the figures of the last day; None where no files and no journal tell them soon enough."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._measures.over(DAY)
        except TimeoutError:
            return None
