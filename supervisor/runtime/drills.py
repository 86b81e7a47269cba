"""A drill on this very supervisor: one agent more, which is watched and judged as any other, and counts for nothing.

It opens no incident, so nobody is ever told of it; no gate, picture or metric counts it, and nothing restarts it.
Whoever began it may vanish: when its time is over it is watched no more, and its files are removed. The journal keeps
which one runs: a daemon that is started anew ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from supervisor.domain import drills
from supervisor.domain.drills import Drill
from supervisor.domain.records import AgentForgotten, DrillStarted
from supervisor.ports import Clock, RefusedError, Saved, UnknownNameError
from supervisor.runtime.change import Change
from supervisor.runtime.journal import Journal
from supervisor.runtime.plan import AgentPlan
from supervisor.runtime.reader import Reader
from supervisor.runtime.roster import Roster

_PLAN = AgentPlan(drills.PROMISES, drill=True)
_OVER = "the drill is over"


class Drills:
    """Keeps the drill that runs; there is one at a time.

    Args:
        token: returns eight hex digits, others each time.
        remove_beats: removes the heartbeat files of an agent.
    """

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        roster: Roster,
        reader: Reader,
        *,
        token: Callable[[], str],
        remove_beats: Callable[[str], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._roster = roster
        self._reader = reader
        self._token = token
        self._remove_beats = remove_beats
        self._running: Drill | None = None
        self._turn = asyncio.Lock()
        self._over = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    async def begin(self, seconds: float, by: str) -> Drill:
        """Watch a drill's agent for `seconds` at the most. Raises RefusedError."""
        async with self._turn:
            if self._running is not None:
                raise RefusedError(f"a drill is under way: {self._running.agent}")
            name = drills.name(self._token())
            if name in self._roster:
                raise RefusedError(f"{name} is an agent")
            self._running = Drill(name, self._clock.now() + seconds)
            # By the loop's time: a clock that is set must not make it longer.
            self._timer = asyncio.get_running_loop().call_later(seconds, self._over.set)
            self._journal.post(Change(records=[DrillStarted(name, by, seconds)], facts={drills.FACT: name}))
            self._roster.add(name, _PLAN)
            return self._running

    def take_over(self, saved: Saved) -> None:
        """End the drill of an earlier life as soon as may be."""
        name = saved.facts.get(drills.FACT)
        if name and name not in self._roster and self._running is None:
            self._running = Drill(name, self._clock.now())
            self._roster.add(name, _PLAN)
            self._over.set()

    async def end(self, agent: str) -> None:
        """Forget the drill's agent and its files. Raises UnknownNameError."""
        async with self._turn:
            if self._running is None or self._running.agent != agent:
                raise UnknownNameError(f"no drill {agent}")
            await self._end(agent)

    async def run(self) -> None:
        """End the drill whose time is over, for ever."""
        while True:
            await self._over.wait()
            self._over.clear()
            async with self._turn:
                if self._running is not None:
                    await self._end(self._running.agent)

    async def _end(self, agent: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._over.clear()
        self._running = self._timer = None  # whatever fails now, the next one can begin
        await self._roster.remove(agent, _OVER)
        self._reader.part(agent)
        await self._remove_beats(agent)
        self._journal.post(Change(records=[AgentForgotten(agent, _OVER)], facts={drills.FACT: ""}))
