"""The dead man's switch: a service outside hears from us while we are well, and tells people when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from supervisor.domain.records import PingFailed, PingRestored
from supervisor.runtime.journal import Journal
from supervisor.runtime.plan import PingPlan


class Pings:
    """Pings as the plan in force says. `well`: whether the watchdog would be fed."""

    def __init__(self, plan: PingPlan, journal: Journal, *, well: Callable[[], bool]) -> None:
        self._plan = plan
        self._journal = journal
        self._well = well
        self._changed = asyncio.Event()
        self._failing_since: float | None = None

    def use(self, plan: PingPlan) -> None:
        """Put another plan in force."""
        if plan != self._plan:
            self._plan = plan
            self._failing_since = None
            self._changed.set()

    async def run(self) -> None:
        """Ping when it is due, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            plan, begun = self._plan, loop.time()
            if plan.ping is not None and self._well():
                self._heard(await plan.ping.send(), loop.time())
            try:
                async with asyncio.timeout_at(None if plan.ping is None else begun + plan.interval):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _heard(self, error: str | None, now: float) -> None:
        """Say once that a ping did not arrive, and once that they do again."""
        if error is not None:
            if self._failing_since is None:
                self._failing_since = now
                self._journal.note(PingFailed(error))
        elif self._failing_since is not None:
            self._journal.note(PingRestored(now - self._failing_since))
            self._failing_since = None
