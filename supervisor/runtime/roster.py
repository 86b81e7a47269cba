"""Which agents are watched: their coroutines are started and ended here, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from supervisor.domain.events import DeadlineReached, HealthEvent, PolicyChanged, Registered
from supervisor.domain.health import Health
from supervisor.ports import UnknownNameError
from supervisor.runtime.agents import Agent, Tools
from supervisor.runtime.change import Change
from supervisor.runtime.plan import AgentPlan


class Roster:
    """All agents by name. `Roster.run` owns their coroutines. While `minding`, it runs those that are ours to run."""

    def __init__(self, tools: Tools) -> None:
        self.minding = True
        self._tools = tools
        self._agents: dict[str, Agent] = {}
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def __len__(self) -> int:
        return len(self._agents)

    def __contains__(self, name: object) -> bool:
        return name in self._agents

    def get(self, name: str) -> Agent:
        """Return the agent. Raises UnknownNameError."""
        agent = self._agents.get(name)
        if agent is None:
            raise UnknownNameError(f"no agent {name}")
        return agent

    def tell_all(self, event: HealthEvent) -> None:
        """Tell every agent's machine a fact, soon."""
        for agent in self:
            agent.tell(event)

    def wake_all(self) -> None:
        """Let every agent that waited for the gate decide now."""
        self.tell_all(DeadlineReached())

    def add(self, name: str, plan: AgentPlan, known: Health | None = None) -> Agent:
        """Watch one more agent, with what an earlier life knew of it."""
        agent = Agent(name, plan, known or Health(), self._tools)
        agent.move_time(Registered())
        self._agents[name] = agent
        self._tools.gate.fleet = len(self._agents)
        if self._group is not None:
            self._start(agent, self._group)
        return agent

    async def remove(self, name: str, change: Change, why: str) -> None:
        """Watch an agent no more: its incident is over, a copy that we run is ended."""
        agent = self._agents.pop(name)
        self._tools.gate.fleet = len(self._agents)
        await self._stop(agent)
        self._tools.gate.beating(name)
        self._tools.desk.resolve(change, agent.key, why)
        change.forgotten.append(name)
        if agent.restarter is not None:
            await agent.restarter.close()

    async def replan(self, name: str, plan: AgentPlan) -> None:
        """Give an agent new promises; what is known of it stays."""
        agent = self._agents[name]
        if (plan.kind, plan.config) == (agent.plan.kind, agent.plan.config):
            agent.plan = plan
            agent.tell(PolicyChanged())
            return
        await self._stop(agent)
        if agent.restarter is not None:
            await agent.restarter.close()
        self.add(name, plan, agent.health).tell(PolicyChanged())

    async def run(self) -> None:
        """Keep the coroutines of all agents, for ever."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for agent in self:
                    self._start(agent, group)
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None
                self._tasks.clear()

    async def close(self) -> None:
        """Let go of the restarters: a copy that we run is ended as planned."""
        restarters = [agent.restarter for agent in self if agent.restarter is not None]
        for agent in self:
            agent.close()
        await asyncio.gather(*(restarter.close() for restarter in restarters), return_exceptions=True)

    def unsaved(self, change: Change) -> None:
        """Put what is new of every agent since it was last written into `change`."""
        for agent in self:
            if agent.health is not agent.saved:
                change.agents[agent.name] = agent.saved = agent.health

    def _start(self, agent: Agent, group: asyncio.TaskGroup) -> None:
        tasks = [group.create_task(agent.run(), name=f"agent:{agent.name}")]
        if agent.plan.managed and self.minding:
            tasks.append(group.create_task(agent.mind(), name=f"keeper:{agent.name}"))
        self._tasks[agent.name] = tasks
        agent.resume()

    async def _stop(self, agent: Agent) -> None:
        tasks = self._tasks.pop(agent.name, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        agent.close()


def plans_differ(old: Mapping[str, AgentPlan], new: Mapping[str, AgentPlan]) -> dict[str, list[str]]:
    """Return the names of the agents that were added, changed and removed."""
    return {
        "added": sorted(new.keys() - old.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
        "removed": sorted(old.keys() - new.keys()),
    }
