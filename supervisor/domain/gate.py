"""When the supervisor doubts itself: while the gate is closed no silence counts and no restart starts.

A doubt stands (the watch is lost) or passes (a stall, a jump of the clock, the start). When no doubt is left the
gate stays closed for one more `settle`, in which every file has been read again, and then opens. Doubts that
last over `limit` end in an incident, and so does the silence of half of the agents at once, which is one incident
and not many.

Where all that stands is that some agents' own files are gone, the gate eases after one `settle`: it stays closed
for those agents, and the others are judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from supervisor.domain.times import moved


class Doubt(StrEnum):
    """Why the supervisor can not be trusted just now."""

    STARTED = "just_started"
    STALLED = "loop_stalled"
    SLEPT = "machine_slept"
    CLOCK = "clock_stepped"
    UNWATCHED = "watch_lost"
    VANISHED = "files_vanished"
    FLEET = "fleet_silent"


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """Thresholds of the gate, in seconds but for `share`.

    Args:
        settle: how long the gate stays closed after the last doubt has passed.
        share, window: this share of the agents (two at least) missing within `window` is the fleet's silence.
        stall: an event loop held longer is a doubt.
        limit: longest closing before an incident.
    """

    settle: float = 30.0
    share: float = 0.5
    window: float = 60.0
    stall: float = 5.0
    limit: float = 600.0


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate. `closed_at` None: open.

    Args:
        standing: places that can not be observed.
        partial: those of them at which only the agents in question can not be.
        why: every doubt of this closing, in order.
        opens_at: when it opens, None while a doubt stands.
        settles_at: when it may ease, None where it has, or could not.
        overdue, recent, fleet: how many agents are silent beyond their deadline, how many of them fell silent within
            one window, and how many are awaited at all.
        incident: the incident of the fleet is open.
        tried: the fleet's silence has kept the gate closed in this outage; it does so once. The outage is over
            when fewer agents than that are silent.
    """

    standing: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    why: tuple[Doubt, ...] = ()
    closed_at: float | None = None
    opens_at: float | None = None
    settles_at: float | None = None
    overdue: int = 0
    recent: int = 0
    fleet: int = 0
    incident: bool = False
    tried: bool = False

    @property
    def closed(self) -> bool:
        """Whether decisions about agents must wait."""
        return self.closed_at is not None

    @property
    def eased(self) -> bool:
        """Whether it is closed only for agents that can not be observed."""
        return bool(self.standing) and self.standing <= self.partial and self.settles_at is None

    def deadline(self, policy: GatePolicy) -> float | None:
        """When the gate wants to be woken."""
        if self.closed_at is None:
            return None
        limit = None if self.incident else self.closed_at + policy.limit
        return min((at for at in (self.opens_at, self.settles_at, limit) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Doubted:
    """Something passing has shaken the supervisor's trust in what it sees."""

    doubt: Doubt


@dataclass(frozen=True, slots=True)
class Blinded:
    """`place` can not be observed, which is a `doubt`."""

    place: str
    doubt: Doubt = Doubt.UNWATCHED


@dataclass(frozen=True, slots=True)
class Sighted:
    """`place` is observed again."""

    place: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How the fleet stands: `overdue` of `fleet` agents are silent, `recent` of them since `window` or less."""

    overdue: int
    recent: int
    fleet: int


@dataclass(frozen=True, slots=True)
class Woken:
    """A wake-up that was asked for; early and duplicate ones change nothing."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """The wall clock was set by `seconds`."""

    seconds: float


GateEvent = Doubted | Blinded | Sighted | Counted | Woken | Stepped


@dataclass(frozen=True, slots=True)
class Closed:
    """The gate has closed for `doubt`."""

    doubt: Doubt


@dataclass(frozen=True, slots=True)
class Eased:
    """The gate is closed only for agents that can not be observed."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The gate has opened after `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reread:
    """Read every file again before anything is decided."""

    doubt: Doubt


@dataclass(frozen=True, slots=True)
class OpenFleet:
    """Open the one incident of the fleet."""

    summary: str


@dataclass(frozen=True, slots=True)
class ResolveFleet:
    """The incident of the fleet is over."""

    summary: str


GateAction = Closed | Eased | Opened | Reread | OpenFleet | ResolveFleet
Step = tuple[Gate, tuple[GateAction, ...]]


def handle(gate: Gate, event: GateEvent, now: float, policy: GatePolicy) -> Step:
    """Return the gate after `event` at `now`, and what is to be done."""
    match event:
        case Doubted(doubt):
            return _close(gate, doubt, now, policy)
        case Blinded(place, doubt):
            partial = gate.partial | {place} if doubt is Doubt.VANISHED else gate.partial
            gate = replace(gate, standing=gate.standing | {place}, partial=partial)
            return _close(gate, doubt, now, policy, reread=False)
        case Sighted(place):
            return _sighted(gate, place, now, policy), ()
        case Counted():
            return _counted(gate, event, now, policy)
        case Woken():
            return _woken(gate, now, policy)
        case Stepped(seconds):
            return _stepped(gate, seconds), ()
        case _:
            assert_never(event)


def _close(gate: Gate, doubt: Doubt, now: float, policy: GatePolicy, *, reread: bool = True) -> Step:
    """Close the gate, or keep it closed. What can not be observed is read when it can: it needs no rereading here."""
    opens_at = None if gate.standing else max(now + policy.settle, gate.opens_at or now)
    gate = replace(gate, settles_at=now + policy.settle if gate.standing else None)
    actions: tuple[GateAction, ...] = (Reread(doubt),) if reread else ()
    if gate.closed:
        why = gate.why if doubt in gate.why else (*gate.why, doubt)
        return replace(gate, why=why, opens_at=opens_at), actions
    return replace(gate, why=(doubt,), closed_at=now, opens_at=opens_at), (Closed(doubt), *actions)


def _sighted(gate: Gate, place: str, now: float, policy: GatePolicy) -> Gate:
    if place not in gate.standing:
        return gate
    standing, settled_at = gate.standing - {place}, now + policy.settle
    gate = replace(gate, standing=standing, partial=gate.partial - {place})
    if standing:
        return replace(gate, settles_at=settled_at)
    return replace(gate, opens_at=settled_at, settles_at=None)


def _counted(gate: Gate, event: Counted, now: float, policy: GatePolicy) -> Step:
    before, gate = gate, replace(gate, overdue=event.overdue, recent=event.recent, fleet=event.fleet)
    if _silent(gate, policy):
        if gate.tried or event.recent < _many(gate, policy) or (gate.closed and not gate.eased):
            return gate, ()
        return _close(replace(gate, tried=gate.closed), Doubt.FLEET, now, policy)
    if _silent(before, policy) or gate.overdue == 0:
        gate = replace(gate, tried=False)
    if not gate.closed:
        return _resolved(gate)
    if before.tried and gate.opens_at is not None:
        gate = replace(gate, opens_at=min(gate.opens_at, now + policy.settle))
    return gate, ()


def _woken(gate: Gate, now: float, policy: GatePolicy) -> Step:
    closed_at = gate.closed_at
    if closed_at is None:
        return gate, ()
    if gate.settles_at is not None and now >= gate.settles_at:
        gate = replace(gate, settles_at=None)
        return gate, (Eased(),) if gate.eased else ()
    if gate.opens_at is not None and now >= gate.opens_at:
        if _silent(gate, policy) and gate.recent >= _many(gate, policy) and not gate.tried:
            gate = replace(gate, tried=True, opens_at=closed_at + policy.limit)
            return _opened_incident(gate, f"{gate.overdue} of {gate.fleet} agents are silent at once")
        after = replace(gate, closed_at=None, opens_at=None, why=())
        actions: tuple[GateAction, ...] = (Opened(now - closed_at),)
        if not _silent(after, policy):
            after, more = _resolved(after)
            actions += more
        return after, actions
    if not gate.incident and now >= closed_at + policy.limit:
        return _opened_incident(gate, f"the agents can not be observed: {', '.join(sorted(gate.standing) or gate.why)}")
    return gate, ()


def _many(gate: Gate, policy: GatePolicy) -> float:
    return max(2.0, policy.share * gate.fleet)


def _silent(gate: Gate, policy: GatePolicy) -> bool:
    return gate.overdue >= _many(gate, policy)


def _opened_incident(gate: Gate, summary: str) -> Step:
    if gate.incident:
        return gate, ()
    return replace(gate, incident=True), (OpenFleet(summary),)


def _resolved(gate: Gate) -> Step:
    if not gate.incident:
        return gate, ()
    summary = f"{gate.overdue} of {gate.fleet} agents are still silent" if gate.overdue else "every agent beats again"
    return replace(gate, incident=False), (ResolveFleet(summary),)


def _stepped(gate: Gate, seconds: float) -> Gate:
    return replace(
        gate,
        closed_at=moved(gate.closed_at, seconds),
        opens_at=moved(gate.opens_at, seconds),
        settles_at=moved(gate.settles_at, seconds),
    )
