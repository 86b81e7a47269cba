"""Which agents are watched: their coroutines are started and ended here, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping

from supervisor.domain.actions import Cause
from supervisor.domain.events import DeadlineReached, ParentWell, PolicyChanged, Registered, TimeLost
from supervisor.domain.health import Health
from supervisor.ports import UnknownNameError
from supervisor.runtime.agents import Agent, Kin, Tools
from supervisor.runtime.change import Change
from supervisor.runtime.closing import closed
from supervisor.runtime.plan import AgentPlan


class Roster:
    """All agents by name. `Roster.run` owns their coroutines. While `minding`, it runs those that are ours to run."""

    def __init__(self, tools: Tools) -> None:
        self.minding = True
        self._tools = tools
        self._kin = Kin(self._down, self._well)
        self._agents: dict[str, Agent] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def __len__(self) -> int:
        return len(self._agents)

    def __contains__(self, name: object) -> bool:
        return name in self._agents

    def real(self) -> list[Agent]:
        """Return the agents but for a drill's."""
        return [agent for agent in self if not agent.plan.drill]

    def get(self, name: str) -> Agent:
        """Return the agent. Raises UnknownNameError."""
        agent = self._agents.get(name)
        if agent is None:
            raise UnknownNameError(f"no agent {name}")
        return agent

    def gate_opened(self) -> None:
        """Let every agent that waited for the gate decide now."""
        for agent in self:
            agent.gate_opened()

    def wake_all(self) -> None:
        """Let every agent look at its deadline again."""
        for agent in self:
            agent.tell(DeadlineReached())

    def lose_time(self, seconds: float, names: Collection[str] | None = None) -> None:
        """For so long no agent, or none of these, had a chance to beat."""
        for agent in self:
            if names is None or agent.name in names:
                agent.move_time(TimeLost(seconds))
        self.wake_all()

    def add(self, name: str, plan: AgentPlan, known: Health | None = None) -> Agent:
        """Watch one more agent, with what an earlier life knew of it."""
        agent = Agent(name, plan, known or Health(), self._tools, self._kin)
        agent.move_time(Registered())
        self._agents[name] = agent
        self._tools.gate.fleet += not plan.drill
        self._start(agent)
        return agent

    async def remove(self, name: str, why: str) -> None:
        """Watch an agent no more: its incident is over, a copy that we run is ended."""
        agent, tools = self._agents[name], self._tools
        await self._stop(agent)
        del self._agents[name]
        tools.gate.fleet -= not agent.plan.drill
        tools.gate.beating(name)
        change = Change(forgotten=[name])
        agent.resolve(change, Cause, why)
        tools.journal.post(change)
        if agent.restarter is not None:
            await closed(agent.restarter)

    async def replan(self, name: str, plan: AgentPlan) -> None:
        """Give an agent new promises; what is known of it stays, and a restart that is under way is joined again."""
        agent = self._agents[name]
        if (plan.kind, plan.config) == (agent.plan.kind, agent.plan.config):
            agent.plan = plan
        else:
            fresh = None if plan.make is None else plan.make()
            old, agent.restarter = agent.restarter, None  # what is decided meanwhile waits for the new one
            await self._unmind(agent)
            await self._tools.executor.leave(name)
            if old is not None:
                await closed(old)
            agent.plan, agent.restarter = plan, fresh
            self._mind(agent)
            agent.resume()
        agent.tell(PolicyChanged())

    async def run(self) -> None:
        """Keep the coroutines of all agents, for ever."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for agent in self:
                    self._start(agent)
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None
                self._lives.clear()
                self._keepers.clear()

    async def close(self) -> None:
        """Let go of the restarters: a copy that we run is ended as planned."""
        restarters = [agent.restarter for agent in self if agent.restarter is not None]
        for agent in self:
            agent.close()
        await closed(*restarters)

    def unsaved(self, change: Change) -> None:
        """Put what is new of every agent since it was last written into `change`."""
        for agent in self:
            if agent.health is not agent.saved:
                change.agents[agent.name] = agent.saved = agent.health

    def _down(self, names: Iterable[str]) -> str:
        """Return one of these that is down, or is about to be: of those silent at once any may be judged first."""
        known = (self._agents[name] for name in names if name in self._agents)
        return next((agent.name for agent in known if agent.health.down or agent.overdue), "")

    def _well(self, parent: str) -> None:
        for agent in self:
            if parent in agent.plan.policy.depends_on:
                agent.tell(ParentWell(parent))

    def _start(self, agent: Agent) -> None:
        if self._group is not None:
            self._lives[agent.name] = self._group.create_task(agent.run(), name=f"agent:{agent.name}")
            self._mind(agent)
            if agent.name not in self._keepers:
                agent.resume()

    def _mind(self, agent: Agent) -> None:
        """Keep a coroutine beside an agent that is ours to run."""
        if self._group is not None and agent.plan.managed and self.minding and agent.name not in self._keepers:
            self._keepers[agent.name] = self._group.create_task(agent.mind(), name=f"keeper:{agent.name}")

    async def _unmind(self, agent: Agent) -> None:
        await _cancelled(self._keepers.pop(agent.name, None))

    async def _stop(self, agent: Agent) -> None:
        await _cancelled(self._lives.pop(agent.name, None))
        await self._unmind(agent)
        await self._tools.executor.leave(agent.name)
        agent.close()


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait({task})


def plans_differ(old: Mapping[str, AgentPlan], new: Mapping[str, AgentPlan]) -> dict[str, list[str]]:
    """Return the names of the agents that were added, changed and removed."""
    return {
        "added": sorted(new.keys() - old.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
        "removed": sorted(old.keys() - new.keys()),
    }
