"""One incident and the people it is told to: which step, repeat, acknowledgement, and the end of it.

triggered --ack--> acknowledged --its end, or worse severity--> triggered --resolve--> resolved
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, assert_never

from supervisor.domain import notices
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import NoticeKind
from supervisor.domain.events import ClockStepped, DeadlineReached
from supervisor.domain.policy import Chain
from supervisor.domain.times import moved

ROUND_GAP = 300.0
"""Least wait (s) between two rounds, such as those of a single step; a shorter `repeat_interval` counts."""


class IncidentState(StrEnum):
    """Where an incident is."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something a person must hear of. Times are seconds since the epoch.

    Args:
        id: the same for the same key and opening time.
        key: subject and cause, "payment-watcher:heartbeat".
        step, round_number, round_at: the next rung, the round it belongs to, when that round began.
        next_at: when this machine wants to be woken.
        silenced: a silence has kept a notice back.
        told: the channels that took a notice of it and are owed its end.
        sent: notices made so far; numbers the dedup ids.
    """

    id: str
    key: str
    severity: Severity
    summary: str
    opened_at: float
    state: IncidentState = IncidentState.TRIGGERED
    evidence: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    round_number: int = 0
    round_at: float = 0.0
    next_at: float | None = None
    silenced: bool = False
    acked_by: str | None = None
    acked_until: float | None = None
    resolved_at: float | None = None
    resolution: str = ""
    told: tuple[str, ...] = ()
    sent: int = 0

    @property
    def subject(self) -> str:
        """The agent, or `books`, `fleet`, `supervisor`."""
        return self.key.partition(":")[0]

    @property
    def cause(self) -> str:
        """What is wrong with the subject."""
        return self.key.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`by` looks after it, until `until`."""

    by: str
    until: float


@dataclass(frozen=True, slots=True)
class Resolved:
    """It is over."""

    summary: str


@dataclass(frozen=True, slots=True)
class Worsened:
    """It has become worse than was told."""

    severity: Severity
    summary: str


@dataclass(frozen=True, slots=True)
class ChannelTook:
    """`channel` has sent a notice that the incident is open."""

    channel: str


@dataclass(frozen=True, slots=True)
class ChannelFailed:
    """`channel` will not send the notice (soon): the next step must not wait for it."""

    channel: str


@dataclass(frozen=True, slots=True)
class Silenced:
    """A silence has taken a notice back before it was heard."""


IncidentEvent = (
    DeadlineReached | Acknowledged | Resolved | Worsened | ChannelTook | ChannelFailed | Silenced | ClockStepped
)


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a notice of this kind through `channel`; `number` makes its dedup id."""

    channel: str
    kind: NoticeKind
    number: int


Step = tuple[Incident, tuple[Tell, ...]]


def incident_id(key: str, opened_at: float) -> str:
    """Return the id of the incident `key` that was opened at `opened_at`: eight hex digits."""
    return hashlib.sha256(f"{key}@{opened_at!r}".encode()).hexdigest()[:8]


def open_incident(
    key: str,
    severity: Severity,
    summary: str,
    now: float,
    chain: Chain,
    *,
    evidence: dict[str, Any] | None = None,
    silenced_until: float | None = None,
) -> Step:
    """Return the new incident and its first notices."""
    first = now + chain.steps[0].delay if chain.steps else None
    incident = Incident(
        incident_id(key, now), key, severity, summary, now, evidence=evidence or {}, round_at=now, next_at=first
    )
    return handle(incident, DeadlineReached(), now, chain, silenced_until=silenced_until)


def handle(  # noqa: C901, PLR0911 - the table: a row for every event
    incident: Incident, event: IncidentEvent, now: float, chain: Chain, *, silenced_until: float | None = None
) -> Step:
    """Return the incident after `event` at `now`, and who is to be told."""
    match event:
        case DeadlineReached():
            return _woken(incident, now, chain, silenced_until)
        case ChannelTook(channel):
            return _took(incident, channel)
        case ClockStepped(seconds):
            return _shifted(incident, seconds), ()
    if incident.state is IncidentState.RESOLVED:
        return incident, ()
    match event:
        case Acknowledged(by, until):
            state = IncidentState.ACKNOWLEDGED
            return replace(incident, state=state, acked_by=by, acked_until=until, next_at=until), ()
        case Resolved(summary):
            return _resolved(incident, summary, now)
        case Worsened(severity, summary):
            worse = severity is Severity.CRITICAL and incident.severity is not Severity.CRITICAL
            incident = replace(incident, severity=severity if worse else incident.severity, summary=summary)
            if not worse:
                return incident, ()
            return _woken(_restarted(incident, now, chain), now, chain, silenced_until)
        case ChannelFailed(channel):
            return _skipped(incident, channel, now, chain, silenced_until)
        case Silenced():
            return replace(incident, silenced=True), ()
        case _:
            assert_never(event)


def joined(earlier: Incident, later: Incident) -> Incident:
    """Return `earlier`, which goes on in the place of `later`: who heard of either is owed its end."""
    both = replace(earlier, told=tuple(dict.fromkeys((*earlier.told, *later.told))))
    if later.state is not IncidentState.ACKNOWLEDGED:
        return both
    until = later.acked_until
    return replace(both, state=later.state, acked_by=later.acked_by, acked_until=until, next_at=until)


def _woken(incident: Incident, now: float, chain: Chain, silenced_until: float | None) -> Step:
    why = notices.weigh(
        resolved=incident.state is IncidentState.RESOLVED,
        acked_until=incident.acked_until,
        has_chain=bool(chain.steps),
        was_silenced=incident.silenced,
        silenced_until=silenced_until,
        round_number=incident.round_number,
        next_at=incident.next_at,
        now=now,
    )
    match why:
        case notices.Quiet.NO_CHAIN:
            return replace(_unacknowledged(incident), next_at=None), ()
        case notices.Quiet.SILENCED:
            return replace(_unacknowledged(incident), silenced=True, next_at=silenced_until), ()
        case notices.Quiet():
            return incident, ()
    if why in {NoticeKind.SILENCE_ENDED, NoticeKind.ACK_EXPIRED} or incident.next_at is None:
        incident = _restarted(incident, now, chain)
    return _climb(incident, why, now, chain)


def _climb(incident: Incident, kind: NoticeKind, now: float, chain: Chain) -> Step:
    """Tell every step that is due, each channel once."""
    tells: list[Tell] = []
    while incident.next_at is not None and now >= incident.next_at:
        step = min(incident.step, len(chain.steps) - 1)
        channel = chain.steps[step].channel
        if channel not in {tell.channel for tell in tells}:
            incident = replace(incident, sent=incident.sent + 1)
            tells.append(Tell(channel, kind, incident.sent))
        incident = _next_rung(replace(incident, step=step + 1), now, chain)
    return incident, tuple(tells)


def _next_rung(incident: Incident, now: float, chain: Chain) -> Incident:
    if incident.step < len(chain.steps):
        return replace(incident, next_at=incident.round_at + chain.steps[incident.step].delay)
    span = _round_gap(chain)
    rounds = incident.round_number + 1
    if rounds > chain.max_rounds:
        span = chain.repeat_interval
    begin = max(incident.round_at + chain.steps[-1].delay, now) + span
    return replace(incident, step=0, round_number=rounds, round_at=begin, next_at=begin + chain.steps[0].delay)


def _round_gap(chain: Chain) -> float:
    """Return the wait (s) between a round's last step and the next round."""
    span = chain.steps[-1].delay - chain.steps[0].delay
    return max(span, min(ROUND_GAP, chain.repeat_interval))


def _restarted(incident: Incident, now: float, chain: Chain) -> Incident:
    """Begin the chain anew with a step that is due now."""
    first = chain.steps[0].delay if chain.steps else 0.0
    begun = replace(incident, step=0, round_number=0, round_at=now - first, next_at=now, silenced=False)
    return _unacknowledged(begun)


def _unacknowledged(incident: Incident) -> Incident:
    return replace(incident, state=IncidentState.TRIGGERED, acked_by=None, acked_until=None)


def _skipped(incident: Incident, channel: str, now: float, chain: Chain, silenced_until: float | None) -> Step:
    """Bring the next step of this round forward to now, where `channel` was to be told by the one before."""
    waiting = 0 < incident.step < len(chain.steps) and chain.steps[incident.step - 1].channel == channel
    if not waiting or incident.state is IncidentState.ACKNOWLEDGED:
        return incident, ()
    begin = now - chain.steps[incident.step].delay
    return _woken(replace(incident, round_at=begin, next_at=now), now, chain, silenced_until)


def _took(incident: Incident, channel: str) -> Step:
    if channel in incident.told:
        return incident, ()
    incident = replace(incident, told=(*incident.told, channel))
    if incident.state is not IncidentState.RESOLVED:
        return incident, ()
    incident = replace(incident, sent=incident.sent + 1)
    return incident, (Tell(channel, NoticeKind.RESOLVED, incident.sent),)


def _resolved(incident: Incident, summary: str, now: float) -> Step:
    tells = tuple(
        Tell(channel, NoticeKind.RESOLVED, incident.sent + place) for place, channel in enumerate(incident.told, 1)
    )
    done = replace(
        incident,
        state=IncidentState.RESOLVED,
        resolved_at=now,
        resolution=summary,
        next_at=None,
        acked_until=None,
        sent=incident.sent + len(tells),
    )
    return done, tells


def _shifted(incident: Incident, seconds: float) -> Incident:
    return replace(
        incident,
        opened_at=incident.opened_at + seconds,
        round_at=incident.round_at + seconds,
        next_at=moved(incident.next_at, seconds),
        acked_until=moved(incident.acked_until, seconds),
    )
