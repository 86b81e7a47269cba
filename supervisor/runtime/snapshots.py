"""The dashboard's file: written hourly and after each transition, atomically, and never too often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from supervisor.domain.fleet import Fleet
from supervisor.domain.metrics import DAY, Metrics
from supervisor.domain.records import (
    ClockSkew,
    DashboardFailed,
    DashboardWritten,
    DrillStarted,
    HeartbeatMissed,
    NotificationSent,
    Record,
    UnregisteredAgent,
)
from supervisor.ports import Clock, Row, Store, StoreError
from supervisor.runtime.journal import Journal
from supervisor.runtime.measures import Measures
from supervisor.runtime.plan import PageKind, PagePlan
from supervisor.runtime.shared import Shared

_ROWS = 100_000
_PATIENCE = 10.0

_SHOWN = (ClockSkew, HeartbeatMissed, NotificationSent, UnregisteredAgent)
"""Records that the page does not tell of, though it shows what has changed with them."""

Capture = Callable[[], Callable[[], Fleet]]
Render = Callable[[Callable[[], Fleet], Sequence[Row], Metrics | None, float, PagePlan, PageKind], Awaitable[bytes]]
Write = Callable[[Path, bytes], Awaitable[None]]


class Snapshots:
    """Writes the page.

    Args:
        capture: returns what makes the picture of this moment, at any time and in any thread.
        measures: gives the figures of the last day.
        render: makes the page of (what makes the picture, history, figures, now, the plan, its kind), away from the
            event loop.
        write: replaces the file, away from the event loop.
        events: the kept log records that the page tells of, by name.
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
        plan: PagePlan,
    ) -> None:
        self._plan = plan
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
        self._live: dict[PageKind, Shared[bytes]] = {
            kind: Shared(f"page:{kind.value}", partial(self.render, kind))
            for kind in PageKind
            if kind is not PageKind.SNAPSHOT
        }
        self.error = ""

    def use(self, plan: PagePlan) -> None:
        """Write the page by `plan` from now on, and anew where another is asked for."""
        if plan != self._plan:
            self._plan = plan
            self._changed.set()

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
                async with asyncio.timeout(self._plan.interval):
                    await self._changed.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(max(0.0, wrote + self._plan.min_interval - now()))

    async def write(self) -> bytes:
        """Render the page and replace the file; where that fails the old page stays. Return the page."""
        self._changed.clear()
        begun = self._clock.now()
        page = await self.render(PageKind.SNAPSHOT)
        try:
            await self._write(self._file, page)
        except OSError as error:
            why = error.strerror or str(error) or type(error).__name__
            if not self.error:
                self._journal.note(DashboardFailed(str(self._file), why))
            self.error = why
        else:
            self.error = ""
            self._journal.note(DashboardWritten(str(self._file), len(page), self._clock.now() - begun))
        return page

    async def live(self, kind: PageKind) -> bytes:
        """Return the live page as it is now: one for all viewers who ask for it meanwhile."""
        return await self._live[kind].get()

    async def render(self, kind: PageKind) -> bytes:
        """Return a page of this kind as it is now."""
        await self._journal.settled()  # what has just happened is part of the history
        history, figures = await asyncio.gather(self._history(), self._figures())
        now = self._clock.now()
        return await self._render(self._capture(), history, figures, now, self._plan, kind)

    async def _history(self) -> Sequence[Row]:
        try:
            async with asyncio.timeout(_PATIENCE):
                events = {*self._events, DrillStarted.event()}
                rows = await self._store.rows(since=self._clock.now() - DAY, events=events, limit=_ROWS)
        except (StoreError, TimeoutError):
            return ()
        drills = {row.agent for row in rows if row.event == DrillStarted.event()}
        return [row for row in rows if row.agent not in drills]

    async def _figures(self) -> Metrics | None:
        """Return the figures of the last day; None where no files and no journal tell them soon enough."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._measures.over(DAY)
        except TimeoutError:
            return None
