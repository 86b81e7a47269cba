"""What is observed, and when the supervisor doubts itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supervisor.domain.records.base import Level, Record


@dataclass(frozen=True, slots=True)
class WatchLost(Record):
    """A folder is not observed by events any more. `observed`: polling still sees its changes."""

    LEVEL: ClassVar[Level] = "error"
    path: str
    reason: str
    observed: bool


@dataclass(frozen=True, slots=True)
class WatchRestored(Record):
    """A folder is observed again, by `means`."""

    path: str
    means: str


@dataclass(frozen=True, slots=True)
class Resync(Record):
    """Every file is read again."""

    LEVEL: ClassVar[Level] = "debug"
    KEPT: ClassVar[bool] = False
    reason: str
    files: int


@dataclass(frozen=True, slots=True)
class GateClosed(Record):
    """The supervisor doubts itself: no silence counts, no restart starts."""

    LEVEL: ClassVar[Level] = "warning"
    reason: str


@dataclass(frozen=True, slots=True)
class GateOpened(Record):
    """Decisions are taken again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DrillStarted(Record):
    """Somebody rehearses faults: for `seconds` at the most `agent` is played, and counts for nothing."""

    agent: str
    by: str
    seconds: float
