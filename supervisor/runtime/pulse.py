"""The supervisor watches itself: the loop's lag, the clock, that its services turn. Only then the watchdog is fed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from supervisor.domain.events import ClockStepped
from supervisor.domain.gate import Doubt
from supervisor.ports import Clock
from supervisor.runtime.change import Change
from supervisor.runtime.desk import Desk
from supervisor.runtime.gatekeeper import Gatekeeper
from supervisor.runtime.journal import Journal
from supervisor.runtime.readiness import Readiness, standing
from supervisor.runtime.reconciler import Reconciler
from supervisor.runtime.roster import Roster

INTERVAL = 1.0
"""Between two looks (s)."""

CHECKPOINT = 60.0
"""How often (s) what is new of the agents is written, though nothing lasting has changed."""

STEP = 2.0
"""What the wall clock may be off (s) without anybody having set it."""


class Pulse:
    """Looks at the supervisor itself.

    Args:
        services: by name, when each last turned (s since the epoch) and how long it may stand still (s).
    """

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        roster: Roster,
        desk: Desk,
        gate: Gatekeeper,
        books: Reconciler,
        readiness: Readiness,
        services: Mapping[str, tuple[Callable[[], float], float]],
        *,
        interval: float = INTERVAL,
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._roster = roster
        self._desk = desk
        self._gate = gate
        self._books = books
        self._readiness = readiness
        self._services = services
        self._interval = interval
        self.lag = 0.0
        self.reading: tuple[int, int] | None = None
        """How many files of how many the books' reading under way has done."""

    async def run(self) -> None:
        """Beat, for ever."""
        loop = asyncio.get_running_loop()
        checkpoint_at = loop.time() + CHECKPOINT  # no step of the wall clock may lengthen a wait
        while True:
            expected = loop.time() + self._interval
            await asyncio.sleep(self._interval)
            self.lag = loop.time() - expected
            if self.lag > self._gate.policy.stall:
                self._gate.doubt(Doubt.STALLED)
            self.look_at_clock()
            self._readiness.turned(self.hung(), self.standing())
            if loop.time() >= checkpoint_at:
                self.checkpoint()
                checkpoint_at = loop.time() + CHECKPOINT

    def look_at_clock(self) -> None:
        """Find a sleep of the machine or a step of the wall clock, and move the kept times before anything rings."""
        slept, stepped = self._clock.drift()
        self._clock.resync()
        if abs(stepped) > STEP:
            for agent in self._roster:
                agent.move_time(ClockStepped(stepped))
            change = Change()
            self._desk.step_clock(change, stepped)
            self._gate.step_clock(stepped)
            self._books.step_clock(stepped)
            self._journal.post(change)
            self._gate.doubt(Doubt.CLOCK)
        if slept > STEP:
            self._roster.lose_time(slept)
            self._gate.doubt(Doubt.SLEPT)
        if abs(stepped) > STEP or slept > STEP:
            self._roster.wake_all()
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write what is new of every agent, and that somebody watches."""
        change = Change()
        self._roster.unsaved(change)
        self._journal.post(change)

    def hung(self) -> list[str]:
        """Return the services that stand still; we are well where none does."""
        now = self._clock.now()
        return [name for name, (ticked_at, limit) in self._services.items() if now - ticked_at() > limit]

    def standing(self) -> str:
        """Return how it stands, in a line."""
        reading = self.reading if self._books.account.at is None else None
        return standing(
            (agent.health.state for agent in self._roster.real()), len(self._desk.open_incidents()), reading
        )
