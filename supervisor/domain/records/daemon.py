"""The supervisor itself: its life, its configuration, its journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supervisor.domain.records.base import Level, Record


@dataclass(frozen=True, slots=True)
class SupervisorStarted(Record):
    """The process has begun. `absent`: seconds nobody was watching, where the journal tells."""

    version: str
    pid: int
    agents: int
    journal: str
    config: str | None = None
    absent: float | None = None


@dataclass(frozen=True, slots=True)
class SupervisorReady(Record):
    """Every file was read once; agents are watched."""

    seconds: float
    control: str


@dataclass(frozen=True, slots=True)
class SupervisorStopping(Record):
    """A planned end has begun."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServiceFailed(Record):
    """One of the supervisor's own services has failed and is started again."""

    LEVEL: ClassVar[Level] = "error"
    service: str
    error: str
    restarts: int


@dataclass(frozen=True, slots=True)
class LibraryReported(Record):
    """A library that the supervisor is built on has something to say, such as an error that nobody awaited."""

    LEVEL: ClassVar[Level] = "warning"
    KEPT: ClassVar[bool] = False
    source: str
    message: str


@dataclass(frozen=True, slots=True)
class JournalFailed(Record):
    """The journal can not be written; supervision goes on without it."""

    LEVEL: ClassVar[Level] = "error"
    KEPT: ClassVar[bool] = False
    error: str


@dataclass(frozen=True, slots=True)
class JournalRestored(Record):
    """The journal is written again, with everything that is known."""

    LEVEL: ClassVar[Level] = "warning"
    note: str


@dataclass(frozen=True, slots=True)
class ConfigReloaded(Record):
    """A changed configuration is in force."""

    file: str
    added: list[str]
    changed: list[str]
    removed: list[str]


@dataclass(frozen=True, slots=True)
class ConfigRejected(Record):
    """A changed configuration is wrong; the old one stays."""

    LEVEL: ClassVar[Level] = "error"
    file: str
    error: str
