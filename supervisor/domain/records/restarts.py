"""Restarts, holds, pauses, and the processes that the supervisor runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supervisor.domain.records.base import Level, Record


@dataclass(frozen=True, slots=True)
class RestartStarted(Record):
    """A restart is started."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    attempt: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class RestartFinished(Record):
    """A restart has ended; only a fresh heartbeat proves the agent."""

    agent: str
    attempt: int
    ok: bool
    seconds: float
    detail: str = ""
    exit_code: int | None = None
    stderr: list[str] | None = None


@dataclass(frozen=True, slots=True)
class RestartRefused(Record):
    """A restart is called for and not started."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    reason: str
    until: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AgentStarted(Record):
    """An agent that the supervisor runs was started with it, or could not be."""

    agent: str
    attempt: int
    ok: bool
    seconds: float
    detail: str = ""
    exit_code: int | None = None
    stderr: list[str] | None = None


@dataclass(frozen=True, slots=True)
class AgentAdopted(Record):
    """An agent that an earlier life of the supervisor started lives on, and is watched as our own."""

    agent: str


@dataclass(frozen=True, slots=True)
class AgentExited(Record):
    """A process that the supervisor runs has ended unasked."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    exit_code: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AgentHeld(Record):
    """Restarts of an agent are held until `until`."""

    agent: str
    by: str
    until: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AgentReleased(Record):
    """The hold on an agent is over."""

    agent: str
    by: str


@dataclass(frozen=True, slots=True)
class AgentPaused(Record):
    """Nothing is expected of an agent until `until`, or until somebody resumes it."""

    agent: str
    by: str
    until: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AgentResumed(Record):
    """The pause of an agent is over, ended by `by` or by itself."""

    agent: str
    by: str | None = None
