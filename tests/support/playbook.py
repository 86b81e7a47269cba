"""The health of an agent as a script: what is told when, and what is wanted done.

    play(policy()).at("0s", beat()).at("60m").expect("60m miss 1", "60m restart 1")

A play tells what is read from files before a deadline that falls on the same moment, and lets the machine sleep while
the gate is closed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from supervisor.domain import health
from supervisor.domain.actions import (
    Cause,
    HealthAction,
    Missed,
    OpenIncident,
    ResolveIncident,
    Restart,
    RestartRefused,
)
from supervisor.domain.events import (
    Beat,
    BeatKind,
    DeadlineReached,
    FilesSeen,
    HealthEvent,
    HeartbeatSeen,
    Held,
    ParentWell,
    Phase,
    PolicyChanged,
    Registered,
    Released,
    RestartAsked,
    RestartFinished,
    TimeLost,
)
from supervisor.domain.health import Health
from supervisor.domain.policy import Policy, RestartPolicy
from supervisor.domain.schedule import Schedule
from tests.support.stage import START, TIMES, Stage, moment, seconds, with_seconds


def law(**changes: Any) -> RestartPolicy:
    """Return a law of restarts without jitter; a duration is a text."""
    return replace(RestartPolicy(jitter=0.0), **with_seconds(changes))


LAW = law()


def every(length: str, grace: str = "15m") -> Schedule:
    """Return a schedule by the clock on the wall: so long after the play's beginning, and again and again."""
    step = seconds(length)
    return Schedule(length, "UTC", seconds(grace), lambda at: START + step * ((at - START) // step + 1))


def policy(restart: RestartPolicy | None = LAW, **changes: Any) -> Policy:
    """Return the promises of an agent that can be restarted; a duration is a text."""
    return replace(Policy(restart=restart), **with_seconds(changes))


@dataclass(frozen=True, slots=True)
class Said:
    """A heartbeat that is made at the moment it is told, or `ago` before."""

    kind: BeatKind
    ago: float
    life: str | None
    keys: dict[str, Any]

    def made(self, now: float) -> Beat:
        """Return the beat; the same words at the same time are the same beat."""
        at = now - self.ago
        keys: dict[str, Any] = {
            key: now + seconds(value) if key == "busy_until" else value for key, value in self.keys.items()
        }
        fingerprint = f"{at!r} {self.kind} {self.life} {keys}"
        return Beat(at, kind=self.kind, incarnation=self.life, fingerprint=fingerprint, **keys)


@dataclass(frozen=True, slots=True)
class Wrote:
    """The agent writes a file, when it is told."""

    path: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold, told with the time it ends."""

    length: float


def beat(kind: str = "ok", *, ago: str = "0s", life: str | None = None, **keys: Any) -> Said:
    """Return a heartbeat of now; `busy_until` counts from now."""
    if "phase" in keys:
        keys["phase"] = Phase(keys["phase"])
    return Said(BeatKind(kind), seconds(ago), life, keys)


def hold(length: str) -> Hold:
    """Return a hold of this length."""
    return Hold(seconds(length))


def done(attempt: int) -> RestartFinished:
    """Return the good end of a restart."""
    return RestartFinished(attempt, ok=True)


def failed(attempt: int, detail: str = "exit code 1") -> RestartFinished:
    """Return the bad end of a restart."""
    return RestartFinished(attempt, ok=False, detail=detail)


class Play(Stage):
    """One agent's health. `trusted` is whether the gate is open."""

    def __init__(self, promises: Policy, known: Health, begin: str) -> None:
        super().__init__()
        self.now = self.time(begin)
        self.policy = promises
        self.trusted = True
        self.parent = ""
        self.files: dict[str, float | None] = {}
        self.health = known
        self._tell(Registered())

    def shut(self) -> Self:
        """Close the gate."""
        self.trusted = False
        return self

    def open(self) -> Self:
        """Open the gate: who waited for it decides now."""
        self.trusted = True
        self._tell(DeadlineReached())
        return self._ring_due()

    def down(self, parent: str) -> Self:
        """An agent that this one depends on is down."""
        self.parent = parent
        return self

    def up(self) -> Self:
        """It is so no more."""
        parent, self.parent = self.parent, ""
        self._tell(ParentWell(parent))
        return self._ring_due()

    def promise(self, promises: Policy) -> Self:
        """Change what the agent has promised."""
        self.policy = promises
        self._tell(PolicyChanged())
        return self._ring_due()

    def sleep(self, length: str) -> Self:
        """Let the machine sleep: time goes on, and nothing else."""
        self.now += seconds(length)
        self._tell(TimeLost(seconds(length)))
        return self._ring_due()

    def is_(self, state: str, **known: Any) -> Self:
        """Fail unless the health has this state and these values; a text is a time where it stands for one."""
        found = {key: getattr(self.health, key) for key in known}
        expected = {key: moment(self.origin, value) if key in TIMES else value for key, value in known.items()}
        assert (self.health.state.value, found) == (state, expected), f"{self.health}"
        return self

    def _rings(self) -> float | None:
        return self.health.deadline if self.trusted else None

    def _tell(self, event: HealthEvent | Said | Hold | Wrote) -> None:
        match event:
            case Wrote(path):
                self.files[path] = self.now
                return
            case Said():
                event = HeartbeatSeen(event.made(self.now))
            case Hold(length):
                event = Held(self.now + length, "ann")
        known = self.health.postcondition
        ends_run = isinstance(event, HeartbeatSeen) and event.beat.kind in {BeatKind.OK, BeatKind.STOP}
        if (ends_run and known.to_be_seen) or isinstance(event, DeadlineReached):
            self._hear(FilesSeen(dict(self.files)))
        self._hear(event)

    def _hear(self, event: HealthEvent) -> None:
        self.health, actions = health.handle(
            self.health, event, self.now, self.policy, name="agent", trusted=self.trusted, parent=self.parent
        )
        for action in actions:
            self._note(_worded(action))


def play(promises: Policy | None = None, known: Health | None = None, begin: str = "0s") -> Play:
    """Begin the play of an agent of which nothing, or `known`, is known."""
    return Play(policy() if promises is None else promises, known or Health(), begin)


def _worded(action: HealthAction) -> str:
    match action:
        case Missed(number):
            return f"miss {number}"
        case Restart(attempt, first=first):
            return f"{'start' if first else 'restart'} {attempt}"
        case RestartRefused(reason):
            return f"refused {reason}"
        case OpenIncident(cause):
            return "incident" if cause is Cause.HEARTBEAT else f"incident {cause}"
        case ResolveIncident(cause):
            return "resolved" if cause is Cause.HEARTBEAT else f"resolved {cause}"


def quiet(**changes: Any) -> Policy:
    """Return promises whose breach calls for no restart: silence is all there is."""
    return policy(None, restart_after=99, **changes)


def watched(**changes: Any) -> Play:
    """Begin with one heartbeat of such an agent."""
    return play(quiet(**changes)).at("0s", beat()).expect()


ASKED = RestartAsked("ann")
RELEASED = Released("ann")


def restarting(life: str | None = None, **changes: Any) -> Play:
    """Begin with an agent that beat once, was silent, and is restarted since minute 60."""
    scene = play(policy(**changes)).at("0s", beat(life=life)).at("60m")
    return scene.expect("60m miss 1", "60m restart 1").is_("restarting", misses=1, due=None)
