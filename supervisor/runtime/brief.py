"""A life of the supervisor for as long as one question takes, where no daemon runs that could be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from math import inf
from typing import TypeVar

from supervisor.domain import fleet as fleets
from supervisor.domain.fleet import Fleet
from supervisor.domain.gate import Blinded
from supervisor.domain.messages import SCOPES
from supervisor.domain.metrics import Metrics
from supervisor.ports import Relisted
from supervisor.runtime.daemon import Daemon, Service
from supervisor.runtime.plan import PageKind

_DRAIN = 60.0
_DRAIN_LOOK = 0.02

T = TypeVar("T")


class BriefDaemon(Daemon):
    """Answers one question from the journal and the files, and ends."""

    async def once(self, agents: Sequence[str]) -> Fleet:
        """One pass: read every file, judge, carry out what follows, and return the picture."""

        async def judge() -> Fleet:
            # The services take their first turn before they are asked anything.
            await asyncio.sleep(0)
            await self._list_books()
            await self.books.turn()
            try:
                async with asyncio.timeout(_DRAIN):
                    await self.control.check(agents)
                    while not (self.executor.idle and self.outbox.idle):  # noqa: ASYNC110 - each follows from the other
                        await asyncio.sleep(_DRAIN_LOOK)
            except TimeoutError:
                pass
            await self._past.read(self._world.clock.now())
            # The journal may know of agents that this pass was not asked about.
            return fleets.narrowed(await self.picture(), {*self._configuration.plan.agents, *SCOPES})

        return await self._briefly((self.roster.run, self.outbox.run), judge)

    async def look(self) -> bytes:
        """Read every file, decide nothing, and return the page."""
        self.gate.tell(Blinded("only looking"))

        async def page() -> bytes:
            for agent in self.roster:
                await agent.look()
            await self._list_books()
            await self.books.look()
            return await self.snapshots.render(PageKind.SNAPSHOT)

        return await self._briefly((), page)

    async def reconcile(self) -> Fleet:
        """Read and compare the books, tell nobody, and return the picture."""

        async def compare() -> Fleet:
            await self._list_books()
            await self.books.look()
            return await self.picture()

        return await self._briefly((), compare)

    async def measure(self, window: float) -> Metrics:
        """Read the books and the activity logs, tell nobody, and return the figures of the last `window` seconds."""

        async def measure() -> Metrics:
            await self._list_books()
            await self.books.look()
            return await self.control.metrics(window)

        return await self._briefly((), measure)

    async def _list_books(self) -> None:
        async with aclosing(self._world.source.events()) as events:
            async for event in events:
                if isinstance(event, Relisted):
                    self.books.listed(event.reason, event.paths)
                    return

    async def _briefly(self, services: Sequence[Service], work: Callable[[], Awaitable[T]]) -> T:
        """Live for as long as `work` takes; the agents that we run go on without us."""
        self.roster.minding = False
        # Whoever asks once wants an answer now: the silence of many is told agent by agent.
        self.gate.policy = replace(self.gate.policy, share=inf)
        self.outbox.sender.group_wait = 0.0
        self._recovery.begin(await self.journal.open())
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(service()) for service in (self.journal.run, *services)]
                result = await work()
                for task in tasks:
                    task.cancel()
        finally:
            await self._close()
        return result
