"""What agents say, and how they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supervisor.domain.records.base import Level, Record


@dataclass(frozen=True, slots=True)
class HeartbeatReceived(Record):
    """A heartbeat was read."""

    LEVEL: ClassVar[Level] = "debug"
    KEPT: ClassVar[bool] = False
    agent: str
    at: float
    kind: str
    seq: int | None = None
    incarnation: str | None = None


@dataclass(frozen=True, slots=True)
class AgentLog(Record):
    """A line of kind `log` in the agent's heartbeats."""

    agent: str
    at: float
    message: str


@dataclass(frozen=True, slots=True)
class HeartbeatInvalid(Record):
    """A heartbeat file, or lines of it, can not be understood; the rest of it counts."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    file: str
    line: int | None
    error: str
    more: int = 0


@dataclass(frozen=True, slots=True)
class ClockSkew(Record):
    """A heartbeat is dated `ahead` seconds in the future; the time of its receipt counts."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    ahead: float


@dataclass(frozen=True, slots=True)
class HeartbeatMissed(Record):
    """A miss was decided."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    consecutive_misses: int
    due: float
    reason: str


@dataclass(frozen=True, slots=True)
class HealthChanged(Record):
    """An agent's health state has changed."""

    agent: str
    old: str
    new: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnregisteredAgent(Record):
    """Heartbeats of an agent that is not configured."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    file: str
    adopted: bool


@dataclass(frozen=True, slots=True)
class AgentForgotten(Record):
    """An agent that was adopted and never configured is watched no more."""

    agent: str
    reason: str
