"""The pure machines as scripts: what is told when, and what they want done.

    play(policy()).at("0s", beat()).at("60m").expect("60m miss 1", "60m restart 1")

Time is virtual and counts from the beginning of the play. As the runtime does, a play wakes its machine at the
machine's own deadline, tells what is read from files before a deadline that falls on the same moment, and lets
the machine sleep while the gate is closed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from supervisor.domain import escalation, health
from supervisor.domain.actions import (
    Cause,
    HealthAction,
    Missed,
    OpenIncident,
    ResolveIncident,
    Restart,
    RestartRefused,
    Severity,
)
from supervisor.domain.escalation import Acknowledged, IncidentEvent, Tell
from supervisor.domain.events import (
    Beat,
    BeatKind,
    ClockStepped,
    DeadlineReached,
    FilesSeen,
    HealthEvent,
    HeartbeatSeen,
    Held,
    ParentWell,
    Phase,
    PolicyChanged,
    Registered,
    RestartFinished,
    TimeLost,
)
from supervisor.domain.health import Health
from supervisor.domain.policy import Chain, Policy, RestartPolicy, Step
from supervisor.domain.schedule import Schedule
from supervisor.domain.times import moved
from supervisor.formats.duration import format_duration, parse_duration

START = 1_780_000_000.0
"""When every play begins (s since the epoch)."""

Line = tuple[float, str]


def seconds(text: str) -> float:
    """Return "75m" as 4500; a leading "-" goes back."""
    return -parse_duration(text[1:]) if text.startswith("-") else parse_duration(text)


def _read(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: seconds(value) if type(value) is str else value for key, value in changes.items()}


def law(**changes: Any) -> RestartPolicy:
    """Return a law of restarts without jitter; a duration is a text."""
    return replace(RestartPolicy(jitter=0.0), **_read(changes))


LAW = law()


def every(length: str, grace: str = "15m") -> Schedule:
    """Return a schedule by the clock on the wall: so long after the play's beginning, and again and again."""
    step = seconds(length)
    return Schedule(length, "UTC", seconds(grace), lambda at: START + step * ((at - START) // step + 1))


def policy(restart: RestartPolicy | None = LAW, **changes: Any) -> Policy:
    """Return the promises of an agent that can be restarted; a duration is a text."""
    return replace(Policy(restart=restart), **_read(changes))


class _Stage(ABC):
    """Virtual time, and what was wanted since it was last asked."""

    def __init__(self) -> None:
        self.origin = START
        self.now = START
        self.wanted: list[Line] = []

    def at(self, when: str, *events: Any) -> Self:
        """Go on to `when`, and tell `events` there."""
        until = self.time(when)
        assert until >= self.now, f"{when} is over"
        while (rings := self._rings()) is not None and rings < until:
            self._ring(rings)
        self.now = until
        for event in events:
            self._tell(event)
        return self._ring_due()

    def time(self, when: str) -> float:
        """Return `when` in seconds since the epoch, by the clock as it is set now."""
        return self.origin + seconds(when)

    def expect(self, *lines: str) -> Self:
        """Fail unless exactly this was wanted since the last call: "60m miss 1", in order."""
        expected = [(round(seconds(when), 3), what) for when, _, what in (line.partition(" ") for line in lines)]
        wanted, self.wanted = self.wanted, []
        assert wanted == expected, f"wanted {_script(wanted)}, not {_script(expected)}"
        return self

    def step_clock(self, length: str) -> Self:
        """Set the wall clock; the play's own time does not notice."""
        self.origin += seconds(length)
        self.now += seconds(length)
        self._tell(ClockStepped(seconds(length)))
        return self._ring_due()

    def _ring_due(self) -> Self:
        while (rings := self._rings()) is not None and rings <= self.now:
            self._ring(rings)
        return self

    def _ring(self, rings: float) -> None:
        self.now = max(self.now, rings)
        wanted = len(self.wanted)
        self._tell(DeadlineReached())
        assert self._rings() != rings or len(self.wanted) > wanted, "the machine spins"

    def _note(self, what: str) -> None:
        self.wanted.append((round(self.now - self.origin, 3), what))

    @abstractmethod
    def _rings(self) -> float | None:
        """Return when the machine wants to be woken."""

    @abstractmethod
    def _tell(self, event: Any) -> None:
        """Tell the machine a fact."""


_TIMES = frozenset({"since", "due", "restart_at", "held_until", "opened_at", "next_at", "acked_until", "resolved_at"})


def _time(origin: float, when: str | None) -> float | None:
    return None if when is None else origin + seconds(when)


def _script(lines: Iterable[Line]) -> list[str]:
    return [f"{format_duration(when)} {what}" for when, what in lines]


# --- the health of an agent --------------------------------------------------------------------------


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


class Play(_Stage):
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
        expected = {key: _time(self.origin, value) if key in _TIMES else value for key, value in known.items()}
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


# --- an incident and its chain -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ack:
    """An acknowledgement, told with the time it ends."""

    length: float


@dataclass(frozen=True, slots=True)
class Silenced:
    """From now on nobody is to hear of it, for a length of time; None ends the silence."""

    length: float | None


def ack(length: str = "30m") -> Ack:
    """Return an acknowledgement of this length."""
    return Ack(seconds(length))


def silence(length: str) -> Silenced:
    """Return a silence of this length that begins when it is told."""
    return Silenced(seconds(length))


UNSILENCE = Silenced(None)
"""The silence is ended by a person."""


def chain(*steps: str, **changes: Any) -> Chain:
    """Return a chain of steps such as "caine 5m"."""
    rungs = tuple(Step(channel, seconds(delay)) for channel, delay in (step.split() for step in steps))
    return replace(Chain(rungs), **_read(changes))


class Alarm(_Stage):
    """One incident."""

    def __init__(self, steps: Chain, severity: Severity, *, silenced: str | None) -> None:
        super().__init__()
        self.chain = steps
        self.silenced_until = None if silenced is None else self.time(silenced)
        self.incident, tells = escalation.open_incident(
            "agent:heartbeat", severity, "silent", self.now, steps, silenced_until=self.silenced_until
        )
        self._note_all(tells)

    def awake(self, when: str) -> Self:
        """Go on to `when` without a wake-up on the way: the supervisor was away."""
        self.now = self.time(when)
        self._tell(DeadlineReached())
        return self._ring_due()

    def use(self, steps: Chain) -> Self:
        """Change the chain, and wake the incident as a reload does."""
        self.chain = steps
        self._tell(DeadlineReached())
        return self._ring_due()

    def is_(self, state: str, **known: Any) -> Self:
        """Fail unless the incident has this state and these values; a text is a time where it stands for one."""
        found = {key: getattr(self.incident, key) for key in known}
        expected = {key: _time(self.origin, value) if key in _TIMES else value for key, value in known.items()}
        assert (self.incident.state.value, found) == (state, expected), f"{self.incident}"
        return self

    def _rings(self) -> float | None:
        return self.incident.next_at

    def _tell(self, event: IncidentEvent | Ack | Silenced) -> None:
        match event:
            case Ack(length):
                event = Acknowledged("ann", self.now + length)
            case Silenced(length):
                self.silenced_until = None if length is None else self.now + length
                if length is not None:
                    return
                event = DeadlineReached()
            case ClockStepped(length):
                self.silenced_until = moved(self.silenced_until, length)
        quiet = self.silenced_until if self.silenced_until is not None and self.now < self.silenced_until else None
        self.incident, tells = escalation.handle(self.incident, event, self.now, self.chain, silenced_until=quiet)
        self._note_all(tells)

    def _note_all(self, tells: Iterable[Tell]) -> None:
        for tell in tells:
            self._note(f"{tell.channel} {tell.kind}")


def alarm(steps: Chain, severity: Severity = Severity.CRITICAL, *, silenced: str | None = None) -> Alarm:
    """Open an incident; `silenced`: until when a silence keeps it quiet."""
    return Alarm(steps, severity, silenced=silenced)
