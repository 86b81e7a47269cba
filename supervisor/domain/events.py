"""Facts that are told to a machine. Every time is seconds since the epoch on the supervisor's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from supervisor.domain.times import moved


class BeatKind(StrEnum):
    """What an agent says with a heartbeat."""

    START = "start"
    OK = "ok"
    FAIL = "fail"
    LOG = "log"
    STOP = "stop"


class Phase(StrEnum):
    """What an agent says it is doing."""

    IDLE = "idle"
    WORKING = "working"
    CRITICAL = "critical"


NO_EXTRA: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat as its file tells it.

    Args:
        at: when it counts (s since the epoch): its own timestamp, or the receipt where that is earlier.
        skew: how far its own timestamp lay ahead of the receipt (s), where over the limit; else 0.
        fingerprint: the same for the same beat read twice.
        extra: the keys this version does not know, kept. Beats without any share one value.
    """

    at: float
    kind: BeatKind = BeatKind.OK
    fingerprint: str = ""
    skew: float = 0.0
    incarnation: str | None = None
    seq: int | None = None
    pid: int | None = None
    phase: Phase | None = None
    progress_seq: int | None = None
    progress_note: str | None = None
    pending: int | None = None
    busy_until: float | None = None
    tokens: float | None = None
    cost: str | None = None
    message: str | None = None
    extra: Mapping[str, Any] = field(default_factory=lambda: NO_EXTRA)

    def shifted(self, seconds: float) -> Beat:
        """Return the beat after the clock was set by `seconds`."""
        return replace(self, at=self.at + seconds, busy_until=moved(self.busy_until, seconds))


@dataclass(frozen=True, slots=True)
class Registered:
    """The agent is watched from now on."""


@dataclass(frozen=True, slots=True)
class HeartbeatSeen:
    """The newest heartbeat of an agent, read from its files.

    `earlier`: what was read with it, oldest first.
    """

    beat: Beat
    earlier: tuple[Beat, ...] = ()


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """When the newest file that matches each pattern was written, None where there is none."""

    newest: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """A wake-up that was asked for. Early and duplicate ones change nothing."""


@dataclass(frozen=True, slots=True)
class CheckAsked:
    """Somebody wants a judgement now: an agent that never beat is escalated."""


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """A process that the supervisor runs has ended. `code` is None where the kernel did not tell."""

    code: int | None
    detail: str = ""

    @property
    def words(self) -> str:
        """How it ended."""
        if self.code is None:
            return "the process ended"
        if self.code < 0:
            return f"the process was ended by signal {-self.code}"
        return f"the process ended with exit code {self.code}"


@dataclass(frozen=True, slots=True)
class RestartFinished:
    """The outcome of restart number `attempt`."""

    attempt: int
    ok: bool
    detail: str = ""
    exit_code: int | None = None
    stderr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestartAsked:
    """A person wants a restart now."""

    by: str


@dataclass(frozen=True, slots=True)
class StartAsked:
    """The supervisor has begun, and no copy of this agent, which it is to run, lives."""


@dataclass(frozen=True, slots=True)
class Held:
    """Watch and notify, but never restart, until `until`."""

    until: float
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """The hold is lifted."""

    by: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing is expected of the agent until `until`; None: until it is resumed."""

    until: float | None
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The pause is over."""

    by: str


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """The agent's promises were changed by a reload."""


@dataclass(frozen=True, slots=True)
class ParentWell:
    """An agent that this one depends on was down, and is so no more."""

    parent: str


@dataclass(frozen=True, slots=True)
class TimeLost:
    """The machine slept, or the agents had no chance to run, for `seconds`: no agent's silence."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """Somebody set the wall clock by `seconds`; every kept time moves with it."""

    seconds: float


HealthEvent = (
    Registered
    | HeartbeatSeen
    | FilesSeen
    | DeadlineReached
    | CheckAsked
    | ProcessExited
    | RestartFinished
    | RestartAsked
    | StartAsked
    | Held
    | Released
    | Paused
    | Resumed
    | PolicyChanged
    | ParentWell
    | TimeLost
    | ClockStepped
)
