"""Who and what is in a virtual town: agents, records, and what one life of the supervisor has in its hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supervisor.domain.policy import Policy, RestartPolicy
from supervisor.domain.records import Record
from supervisor.ports import Grouping, Notifier, Patient, Refresher
from tests.support.actors import ScriptedRestarter
from tests.support.faults import FaultyStore, Road


@dataclass(frozen=True)
class AgentScript:
    """An agent as the configuration has it. `variant` stands for the restarter's own settings."""

    policy: Policy
    kind: str | None
    variant: int = 0


def agent(kind: str | None = "command", *, restart: Mapping[str, Any] | None = None, **promises: Any) -> AgentScript:
    """Return an agent with the default promises but for `promises`; kind "managed", "command" or None."""
    law = RestartPolicy(**(restart or {})) if kind else None
    return AgentScript(Policy(restart=law, **promises), kind)


@dataclass(frozen=True)
class Logged:
    """A log record. `t`: s since the town began, machine's running time; `at`: on the supervisor's clock."""

    t: float
    at: float
    record: Record

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)


class Watchdog:
    """Implements `ports.Watchdog`."""

    def __init__(self) -> None:
        self.told: list[dict[str, str | int]] = []

    def notify(self, **fields: str | int) -> None:
        self.told.append(fields)


class Lent:
    """A program in the hands of one life of the supervisor: a killed one can not end it."""

    def __init__(self, program: ScriptedRestarter, store: FaultyStore, road: Road) -> None:
        self._program = program
        self._store = store
        self.restart = road.calls(program.restart)
        self.adopt = program.adopt
        self.exits = program.exits

    async def close(self) -> None:
        if not self._store.dead:
            await self._program.close()


class LentChannel:
    """A channel in the hands of one life and one configuration."""

    def __init__(self, channel: Notifier, road: Road) -> None:
        self.send = road.calls(channel.send)
        self.close = channel.close
        if isinstance(channel, Patient):
            self.timeout = channel.timeout
        if isinstance(channel, Grouping):
            self.takes_groups = channel.takes_groups


class LentBeacon(LentChannel):
    """A channel that wants to hear again of what is open."""

    def __init__(self, beacon: Refresher, road: Road) -> None:
        super().__init__(beacon, road)
        self.refresh_every = beacon.refresh_every
        self.refresh = beacon.refresh
