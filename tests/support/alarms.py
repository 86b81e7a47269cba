"""An incident and its chain as a script: what is told when, and who is to hear of it.

alarm(chain("caine 0s", "ann 5m")).at("5m").expect("0s caine triggered", "5m ann triggered")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from supervisor.domain import escalation
from supervisor.domain.actions import Severity
from supervisor.domain.escalation import Acknowledged, IncidentEvent, Tell
from supervisor.domain.events import ClockStepped, DeadlineReached
from supervisor.domain.policy import Chain, Step
from supervisor.domain.times import moved
from tests.support.stage import TIMES, Stage, moment, seconds, with_seconds


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
    return replace(Chain(rungs), **with_seconds(changes))


class Alarm(Stage):
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
        expected = {key: moment(self.origin, value) if key in TIMES else value for key, value in known.items()}
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
