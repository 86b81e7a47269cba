"""What is known of one agent: plain values, changed only by the machine in `health` and its hands in `mending`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from supervisor.domain.actions import Cause, HealthAction
from supervisor.domain.activity import NONE_SEEN, Activity
from supervisor.domain.attempts import Attempt
from supervisor.domain.burn import UNMETERED, Burn
from supervisor.domain.events import Beat
from supervisor.domain.flapping import STEADY, Flapping
from supervisor.domain.loop import NO_LOOP, Loop
from supervisor.domain.policy import Policy
from supervisor.domain.postcondition import NOTHING_EXPECTED, Postcondition
from supervisor.domain.progress import IDLE, Progress
from supervisor.domain.restarts import History
from supervisor.domain.standstill import Standstill
from supervisor.domain.times import second


class HealthState(StrEnum):
    """How an agent is."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    RESTARTING = "restarting"
    ESCALATED = "escalated"
    STOPPED = "stopped"


PROMISED = frozenset({HealthState.UNKNOWN, HealthState.HEALTHY})
"""The states whose deadline is the promise of the last heartbeat; in the others mostly the next miss."""


_DOWN = frozenset({HealthState.UNHEALTHY, HealthState.RESTARTING, HealthState.ESCALATED})


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is expected of an agent, by somebody's wish. `until` None: until somebody resumes it."""

    by: str
    until: float | None = None
    reason: str = ""

    @property
    def words(self) -> str:
        """Who paused it, until when, and why."""
        until = "" if self.until is None else f" until {second(self.until)}"
        return f"paused by {self.by}{until}{': ' if self.reason else ''}{self.reason}"


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that is known of one agent. Times are seconds since the epoch.

    Args:
        since: when `state` began.
        due: when the next miss falls, None where no heartbeat is awaited.
        lost: seconds up to `lost_at` in which an agent that has not beaten since had no chance to.
        skipped: scheduled times up to then are over: the machine slept through them, or the clock was set back.
        restart_at: when a restart that was put off is tried, None where none is wanted.
        deferred: the last heartbeat's critical phase puts off no further restart.
        exhausted: the restart intensity was spent in this silence.
        held_by: who holds restarts until `held_until`; empty where nobody does.
        held_reason: why, where it was said.
        incident: an incident for missed heartbeats is open.
        errors: failures that the agent reported, and restarts that failed, since it was registered.
        retired: incarnations that a newer one has replaced, newest last.
        progress: whether its work moves.
        loop: whether it does the same again and again.
        postcondition: whether what it is to make appears.
        flapping: whether it is well and ill by turns.
        burn: what it uses.
        activity: whether it works though it does not beat.
        gone: how its process ended, where we saw it end and nothing has been heard since.
        born: when it was registered, in whole seconds: tells it from others of its name.
        run_at: when the run began that has not ended, None where none is under way.
        retried: a run has begun since the last miss; only its good end ends the misses.
        pause: nothing is expected of it meanwhile; None where it is watched as always.
    """

    state: HealthState = HealthState.UNKNOWN
    since: float = 0.0
    misses: int = 0
    beat: Beat | None = None
    due: float | None = None
    lost: float = 0.0
    lost_at: float = 0.0
    attempt: Attempt | None = None
    history: History = History()
    restart_at: float | None = None
    deferred: bool = False
    exhausted: bool = False
    held_until: float | None = None
    held_by: str = ""
    held_reason: str = ""
    incident: bool = False
    errors: int = 0
    retired: tuple[str, ...] = ()
    reason: str = "no heartbeat seen yet"
    gone: str = ""
    born: int = 0
    progress: Progress = IDLE
    flapping: Flapping = STEADY
    burn: Burn = UNMETERED
    pause: Pause | None = None
    skipped: float = 0.0
    run_at: float | None = None
    postcondition: Postcondition = NOTHING_EXPECTED
    loop: Loop = NO_LOOP
    activity: Activity = NONE_SEEN
    retried: bool = False

    @property
    def restarting(self) -> bool:
        """Whether a restart is under way."""
        return self.attempt is not None and self.attempt.ended is None

    @property
    def restarts(self) -> int:
        """How often it was restarted; first starts are none."""
        return self.history.total - self.history.starts

    @property
    def down(self) -> bool:
        """Whether those that depend on it can not work."""
        return self.state in _DOWN

    @property
    def causes(self) -> frozenset[Cause]:
        """What incidents of it are open for."""
        is_open = {
            Cause.HEARTBEAT: self.incident,
            **{cause: still.nudged for cause, still in self.standstills},
            Cause.BURN: self.burn.over,
            Cause.FLAPPING: self.flapping.on,
        }
        return frozenset(cause for cause, yes in is_open.items() if yes)

    @property
    def standstills(self) -> tuple[tuple[Cause, Standstill], ...]:
        """The ways to stand still that are judged, and what an incident of each is about."""
        return (
            (Cause.STALLED, self.progress),
            (Cause.POSTCONDITION, self.postcondition),
            (Cause.LOOP, self.loop),
        )

    def effect(self, attempt: Attempt) -> int:
        """Return what tells this attempt from every other, those of a lost journal too."""
        return self.born * 10_000 + attempt.number

    @property
    def deadline(self) -> float | None:
        """When this machine wants to be woken, None where only a fact can change it."""
        pause_ends = None if self.pause is None else self.pause.until
        own = (self.due, self.restart_at, self.held_until, self.burn.due, pause_ends)
        wanted = (*own, self.progress.due, self.postcondition.due, self.loop.due)
        return min((at for at in wanted if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a decision rests on beside the agent's health. `parent`: one that it depends on and is down, "" for none."""

    now: float
    policy: Policy
    name: str
    trusted: bool
    parent: str = ""


Step = tuple[Health, tuple[HealthAction, ...]]
"""The health after an event, and what is to be done."""
