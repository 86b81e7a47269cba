"""The plan in force, and how another one takes its place: nothing that is known of the agents is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from math import inf

from supervisor.domain.beats import awaited
from supervisor.domain.records import AgentForgotten, ConfigRejected, ConfigReloaded
from supervisor.domain.vitals import HealthState
from supervisor.domain.words import span
from supervisor.ports import RefusedError
from supervisor.runtime.agents import Agent
from supervisor.runtime.change import Change
from supervisor.runtime.closing import closed
from supervisor.runtime.desk import Desk
from supervisor.runtime.gatekeeper import Gatekeeper
from supervisor.runtime.journal import Journal
from supervisor.runtime.outbox import Outbox
from supervisor.runtime.pings import Pings
from supervisor.runtime.plan import AgentPlan, Plan
from supervisor.runtime.reader import Reader
from supervisor.runtime.readiness import Readiness
from supervisor.runtime.reconciler import Reconciler
from supervisor.runtime.roster import Roster, plans_differ
from supervisor.runtime.snapshots import Snapshots
from supervisor.runtime.textfile import Textfile
from supervisor.runtime.world import World

UNWATCHED = "the agent is watched no more"

LONG_GONE = 86400.0
"""An adopted agent without a file is forgotten after so long a silence (s), or twice the time that it has, if more."""

_QUIET = 0.2
"""Wait (s) after a hint at the file: whoever writes it may not be done."""

_SAID_AGAIN = 5.0
"""So soon (s) the same fault of the file is not said twice: one change may bring several hints."""


class Configuration:
    """Keeps `plan`, and reads it again when it is asked to or when its file changes."""

    def __init__(
        self,
        plan: Plan,
        world: World,
        journal: Journal,
        desk: Desk,
        outbox: Outbox,
        gate: Gatekeeper,
        reader: Reader,
        roster: Roster,
        snapshots: Snapshots,
        books: Reconciler,
        textfile: Textfile,
        pings: Pings,
        readiness: Readiness,
    ) -> None:
        self.plan = plan
        self._world = world
        self._journal = journal
        self._desk = desk
        self._outbox = outbox
        self._gate = gate
        self._reader = reader
        self._roster = roster
        self._snapshots = snapshots
        self._books = books
        self._serve: Callable[[object], Awaitable[None]] | None = None
        self._textfile = textfile
        self._pings = pings
        self._readiness = readiness
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._rejected: str | None = None
        self._said_at = -inf

    async def bind(self, serve: Callable[[object], Awaitable[None]]) -> None:
        """Let `serve` serve the plan's `http`, and that of every plan to come."""
        self._serve = serve
        await serve(self.plan.http)

    def reload_soon(self) -> None:
        """Read it again as soon as can be: it has changed, or somebody wants it."""
        if asyncio.get_running_loop().time() > self._said_at + _SAID_AGAIN:
            self._rejected = None
        self._changed.set()

    def look(self) -> None:
        """Read it again, for it may have changed unheard; what is wrong with it still was said before."""
        if self._world.config is not None:
            self._changed.set()

    async def run(self) -> None:
        """Follow the file, for ever."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_QUIET)
            self._changed.clear()
            with suppress(RefusedError):  # it was said
                await self._reload()

    async def reload(self) -> dict[str, list[str]]:
        """Read it again; return the names of agents added, changed, removed. Raises RefusedError: the old one stays."""
        self._rejected = None
        return await self._reload()

    def plans(self, known: Iterable[str]) -> dict[str, AgentPlan]:
        """Return the plan of every agent: of those that are configured, and of those `known` that stay adopted."""
        adopt = self.plan.default
        adopted = {} if adopt is None else {name: adopt(name) for name in known}
        return {**adopted, **self.plan.agents}

    def adopt(self, name: str) -> bool:
        """Watch an agent that nobody configured; False where the configuration does not want that."""
        if self.plan.default is None:
            return False
        self._roster.add(name, self.plan.default(name))
        return True

    async def forget_gone(self) -> None:
        """Forget adopted agents whose files are gone, and who have stopped as planned or been silent for long."""
        async with self._turn:
            for agent in self._roster.real():
                why = self._gone(agent)
                if why is not None:
                    await self._roster.remove(agent.name, why)
                    self._reader.forget(agent.name)
                    self._journal.note(AgentForgotten(agent.name, why))

    # --- inside ---

    def _gone(self, agent: Agent) -> str | None:
        """Return why the agent is gone for good, None where it may not be."""
        if agent.name in self.plan.agents or not self._gate.trusted or self._reader.has_file(agent.name):
            return None
        if agent.health.pause is not None:
            return None  # somebody means to have it back
        known = agent.health
        if known.state is HealthState.STOPPED:
            return "it has stopped, and its files are gone"
        last = known.born if known.beat is None else known.beat.at
        silence = self._world.clock.now() - last
        if silence > max(LONG_GONE, 2 * (awaited(last, agent.plan.policy, known.skipped) - last)):
            return f"no heartbeat for {span(silence)}, and its files are gone"
        return None

    async def _reload(self) -> dict[str, list[str]]:
        async with self._turn:
            with self._readiness.reloading():
                return await self._read_again()

    async def _read_again(self) -> dict[str, list[str]]:
        file = str(self._world.config or "")
        try:
            plan = await self._world.load_plan()
        except RefusedError as error:
            if str(error) != self._rejected:
                self._journal.note(ConfigRejected(file, str(error)))
                self._said_at = asyncio.get_running_loop().time()
            self._rejected = str(error)
            raise
        self._rejected = None
        old = self.plan
        differ = await self._put_in_force(plan)
        if any(differ.values()) or plan != old or (plan.default is None) != (old.default is None):
            self._journal.note(ConfigReloaded(file, **differ))
        return differ

    async def _put_in_force(self, plan: Plan) -> dict[str, list[str]]:
        old, kept = self.plan, self._outbox.notifiers
        notifiers = {
            name: kept[name] if name in kept and channel == old.channels.get(name) else channel.make()
            for name, channel in plan.channels.items()
        }
        self.plan = plan
        self._gate.policy = plan.gate
        self._reader.skew_limit = plan.skew_limit
        self._outbox.sender.timeout = plan.outbox_timeout
        self._outbox.sender.group_wait = plan.group_wait
        self._outbox.sender.links = plan.links
        self._books.use(plan.books)
        self._snapshots.use(plan.page)
        if self._serve is not None:
            await self._serve(plan.http)
        self._textfile.use(plan.textfile)
        self._pings.use(plan.ping)
        await closed(*self._outbox.use(notifiers))
        change = Change()
        self._desk.silencer.use(plan.maintenance)
        self._desk.use(change, plan.chain)
        self._journal.post(change)
        return await self._watch(
            self.plans(agent.name for agent in self._roster.real() if agent.name not in old.agents)
        )

    async def _watch(self, plans: Mapping[str, AgentPlan]) -> dict[str, list[str]]:
        """Watch these agents and no others."""
        differ = plans_differ({agent.name: agent.plan for agent in self._roster.real()}, plans)
        for name in differ["removed"]:
            await self._roster.remove(name, UNWATCHED)
            self._reader.forget(name)
        for name in differ["changed"]:
            await self._roster.replan(name, plans[name])
        for name in differ["added"]:
            self._roster.add(name, plans[name])
        met = differ["added"] if self.plan.default is None else [*differ["added"], *self._reader.strangers]
        for name in met:
            self._reader.strangers.pop(name, None)
        if met:
            self._world.source.relist("more agents are watched")
        return differ
