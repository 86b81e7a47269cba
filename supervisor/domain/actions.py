"""What a machine wants done, or noted. Plain values: the runtime carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad an incident is, in the words of monitoring plugins."""

    WARNING = "warning"
    CRITICAL = "critical"


class Cause(StrEnum):
    """What an incident of an agent is about: with the agent's name it makes the key."""

    HEARTBEAT = "heartbeat"
    STALLED = "stalled"
    POSTCONDITION = "postcondition"
    LOOP = "loop"
    BURN = "burn"
    FLAPPING = "flapping"


class Refusal(StrEnum):
    """Why a restart that the misses call for is not started."""

    NO_RESTARTER = "no_restarter"
    PARENT_DOWN = "parent_down"
    HELD = "held"
    FLAPPING = "flapping"
    GATE = "gate"
    BACKOFF = "backoff"
    EXHAUSTED = "exhausted"
    CRITICAL_PHASE = "critical_phase"
    ACTIVITY = "activity"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Missed:
    """Miss number `count` in a row was decided; the heartbeat was due at `due`."""

    count: int
    due: float
    reason: str


@dataclass(frozen=True, slots=True)
class Restart:
    """Carry out attempt number `attempt`, counted from the agent's registration. `first`: a start, no restart."""

    attempt: int
    reason: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class RestartRefused:
    """A restart is called for and not started.

    Args:
        until: when it may be (s since the epoch), if ever.
        detail: what speaks against it, in plain words.
    """

    reason: Refusal
    until: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """Something a person must hear of."""

    cause: Cause
    severity: Severity
    summary: str


@dataclass(frozen=True, slots=True)
class ResolveIncident:
    """The incident of `cause` is over."""

    cause: Cause
    summary: str


HealthAction = Missed | Restart | RestartRefused | OpenIncident | ResolveIncident
