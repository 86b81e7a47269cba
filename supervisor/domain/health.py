"""The health of one agent: a pure machine that is told facts and the time, and says what it wants done.

    unknown ----beat----> healthy ----miss 1----> restarting | unhealthy ----miss 2----> escalated
       \\                    ^  \\                      |                          |
        `------miss--------> |   `--stop--> stopped   `--------fresh beat--------'--> healthy

Only a fresh heartbeat sets `misses` back to 0. A restart re-arms the deadline at its end and keeps the
count, so one that brings no heartbeat is the next miss. At most one restart is under way at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from supervisor.domain import restarts
from supervisor.domain.actions import (
    HealthAction,
    Missed,
    OpenIncident,
    Refusal,
    ResolveIncident,
    Restart,
    RestartRefused,
    Severity,
)
from supervisor.domain.events import (
    Beat,
    BeatKind,
    CheckAsked,
    ClockStepped,
    DeadlineReached,
    HealthEvent,
    HeartbeatSeen,
    Held,
    Phase,
    PolicyChanged,
    ProcessExited,
    Registered,
    Released,
    RestartAsked,
    RestartFinished,
    TimeLost,
)
from supervisor.domain.policy import Policy
from supervisor.domain.restarts import History
from supervisor.domain.words import count, span

CAUSE = "heartbeat"
"""The cause in the incident's key."""

_RETIRED_KEPT = 8


class HealthState(StrEnum):
    """How an agent is."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    RESTARTING = "restarting"
    ESCALATED = "escalated"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One restart: under way while `ended` is None.

    Args:
        incarnation: what the agent called its life before it.
        beat: the newest heartbeat that came meanwhile, from a life that can be the new one.
    """

    number: int
    started: float
    reason: str
    ended: float | None = None
    ok: bool = False
    detail: str = ""
    exit_code: int | None = None
    stderr: tuple[str, ...] = ()
    incarnation: str | None = None
    beat: Beat | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that is known of one agent. Times are seconds since the epoch.

    Args:
        since: when `state` began.
        due: when the next miss falls, None where no heartbeat is awaited.
        restart_at: when a restart that was put off is tried, None where none is wanted.
        deferred: a critical phase has put off a restart since the last fresh heartbeat.
        exhausted: the restart intensity is spent.
        incident: an incident for missed heartbeats is open.
        errors: failures that the agent reported, and restarts that failed, since it was registered.
        retired: incarnations that a newer one has replaced, newest last.
    """

    state: HealthState = HealthState.UNKNOWN
    since: float = 0.0
    misses: int = 0
    beat: Beat | None = None
    due: float | None = None
    attempt: Attempt | None = None
    history: History = History()
    restart_at: float | None = None
    deferred: bool = False
    exhausted: bool = False
    held_until: float | None = None
    incident: bool = False
    errors: int = 0
    retired: tuple[str, ...] = ()
    reason: str = "no heartbeat seen yet"

    @property
    def restarting(self) -> bool:
        """Whether a restart is under way."""
        return self.attempt is not None and self.attempt.ended is None

    @property
    def deadline(self) -> float | None:
        """When this machine wants to be woken, None where only a fact can change it."""
        times = [at for at in (self.due, None if self.restarting else self.restart_at, self.held_until) if at is not None]
        return min(times, default=None)


Step = tuple[Health, tuple[HealthAction, ...]]


def handle(health: Health, event: HealthEvent, now: float, policy: Policy, *, name: str, trusted: bool = True) -> Step:
    """Return the agent's health after `event` at `now`, and what is to be done.

    `name` seeds the jitter. While not `trusted` (the gate is closed) no silence counts and no restart starts.
    """
    match event:
        case HeartbeatSeen(beat):
            return _seen(health, beat, now, policy, name, trusted)
        case DeadlineReached():
            return _woken(health, now, policy, name, trusted)
        case CheckAsked():
            return _checked(health, now, policy, name, trusted)
        case ProcessExited():
            return _exited(health, event, now, policy, name, trusted)
        case RestartFinished():
            return _restarted(health, event, now, policy, name, trusted)
        case RestartAsked(by):
            return _asked(health, by, now, policy)
        case Held(until, by):
            return replace(health, held_until=until, reason=f"held by {by} for {span(until - now)}"), ()
        case Released(by):
            return _released(health, by, now, policy, name, trusted)
        case Registered():
            return _registered(health, now, policy), ()
        case PolicyChanged():
            return _repoliced(health, now, policy), ()
        case TimeLost(seconds):
            return replace(health, due=_plus(health.due, seconds)), ()
        case ClockStepped(seconds):
            return _shifted(health, seconds), ()
        case _:
            assert_never(event)


# --- heartbeats --------------------------------------------------------------------------------------


def _seen(health: Health, beat: Beat, now: float, policy: Policy, name: str, trusted: bool) -> Step:
    known = health.beat
    if beat.kind is BeatKind.LOG or (beat.incarnation is not None and beat.incarnation in health.retired):
        return health, ()
    if known is not None and (beat.at < known.at or beat.fingerprint == known.fingerprint):
        return health, ()
    if health.attempt is not None:
        if health.attempt.ended is None:
            return _seen_meanwhile(health, health.attempt, beat), ()
        if _predates(beat, health.attempt):
            return health, ()
    before = health
    health = _noted(health, beat)
    if beat.kind is BeatKind.STOP:
        return _settled(before, replace(health, due=None), HealthState.STOPPED, "stopped as planned", now)
    if beat.kind is BeatKind.FAIL:
        text = f"the agent reported a failure: {beat.message}" if beat.message else "the agent reported a failure"
        health = replace(health, errors=health.errors + 1)
        return _miss(health, now, now, policy, name, trusted, text)
    due = _due(beat, policy)
    if due < now:
        # Known only from the past: it proves nothing of today, and takes nothing back.
        late = health.state in {HealthState.UNKNOWN, HealthState.STOPPED, HealthState.HEALTHY}
        return (replace(health, due=due) if late else health), ()
    health = replace(health, due=due)
    if policy.restart is not None and before.state is HealthState.HEALTHY and health.history.in_a_row:
        if now - before.since >= policy.restart.reset_after:
            health = replace(health, history=restarts.calmed(health.history))
    return _settled(before, health, HealthState.HEALTHY, "heartbeat in time", now)


def _seen_meanwhile(health: Health, attempt: Attempt, beat: Beat) -> Health:
    """Keep a heartbeat that came while the restart runs; the copy that is being ended may still speak."""
    old_life = beat.incarnation is not None and beat.incarnation == attempt.incarnation
    last_words = beat.incarnation is None and beat.kind in {BeatKind.STOP, BeatKind.FAIL}
    if old_life or last_words or (beat.incarnation is None and beat.at < attempt.started):
        return health
    if attempt.beat is not None and beat.at < attempt.beat.at:
        return health
    return replace(health, attempt=replace(attempt, beat=beat))


def _predates(beat: Beat, attempt: Attempt) -> bool:
    """Whether `beat` was sent by the copy that the restart has ended."""
    if beat.incarnation is None:
        return beat.at < attempt.started
    return beat.incarnation == attempt.incarnation and beat.at <= (attempt.ended or attempt.started)


def _noted(health: Health, beat: Beat) -> Health:
    known = None if health.beat is None else health.beat.incarnation
    retired = health.retired
    if known is not None and beat.incarnation is not None and beat.incarnation != known:
        retired = (*retired, known)[-_RETIRED_KEPT:]
    return replace(health, beat=beat, retired=retired)


def _settled(before: Health, health: Health, state: HealthState, reason: str, now: float) -> Step:
    """End the silence: misses, wishes and the incident are over."""
    if before.state is not state:
        health = replace(health, state=state, since=now)
    elif before.misses == 0:
        return replace(health, reason=reason), ()
    actions: tuple[HealthAction, ...] = ()
    if health.incident:
        actions = (ResolveIncident(CAUSE, reason),)
    after = replace(
        health, misses=0, restart_at=None, deferred=False, exhausted=False, incident=False, reason=reason
    )
    return after, actions


def _due(beat: Beat, policy: Policy) -> float:
    due = beat.at + policy.heartbeat_timeout
    if beat.busy_until is None:
        return due
    return min(max(due, beat.busy_until), due + policy.busy_limit)


# --- silence -----------------------------------------------------------------------------------------


def _woken(health: Health, now: float, policy: Policy, name: str, trusted: bool) -> Step:
    if health.held_until is not None and now >= health.held_until:
        health = replace(health, held_until=None, reason="the hold has run out")
    if not trusted:
        return health, ()
    if health.due is not None and now >= health.due and not health.restarting:
        return _miss(health, health.due, now, policy, name, trusted, _silence(health, now))
    if health.restart_at is not None and now >= health.restart_at and not health.restarting:
        return _want_restart(health, now, policy, name, trusted)
    return health, ()


def _checked(health: Health, now: float, policy: Policy, name: str, trusted: bool) -> Step:
    if health.beat is None and health.state is HealthState.UNKNOWN and not health.restarting:
        health = replace(health, misses=max(health.misses, policy.escalate_after - 1))
        return _miss(health, now, now, policy, name, trusted, "no heartbeat was ever seen")
    return _woken(health, now, policy, name, trusted)


def _exited(health: Health, event: ProcessExited, now: float, policy: Policy, name: str, trusted: bool) -> Step:
    if health.state is HealthState.STOPPED or health.restarting:
        return health, ()
    ending = "ended" if event.code is None else f"ended with exit code {event.code}"
    text = f"the process {ending}" + (f": {event.detail}" if event.detail else "")
    return _miss(health, now, now, policy, name, trusted, text)


def _miss(health: Health, due: float, now: float, policy: Policy, name: str, trusted: bool, reason: str) -> Step:
    misses = health.misses + 1
    # A miss that is decided late (the supervisor was away) must not bring the next one along with it.
    base = due if now - due < policy.check_interval else now
    state = HealthState.UNHEALTHY if health.state is not HealthState.ESCALATED else HealthState.ESCALATED
    after = replace(health, misses=misses, due=base + policy.check_interval, reason=reason)
    actions: tuple[HealthAction, ...] = (Missed(misses, due, reason),)
    if misses >= policy.escalate_after:
        state = HealthState.ESCALATED
        if not after.incident:
            after = replace(after, incident=True)
            actions += (OpenIncident(CAUSE, Severity.CRITICAL, _summary(after, reason)),)
    if after.state is not state:
        after = replace(after, state=state, since=now)
    if misses >= policy.restart_after and not after.restarting:
        after, more = _want_restart(after, now, policy, name, trusted)
        actions += more
    return after, actions


def _silence(health: Health, now: float) -> str:
    attempt = health.attempt
    if attempt is not None and attempt.ended is not None and (health.beat is None or health.beat.at < attempt.ended):
        return f"no heartbeat in {span(now - attempt.ended)} since restart {attempt.number}"
    if health.beat is None:
        return "no heartbeat was ever seen"
    return f"no heartbeat for {span(now - health.beat.at)}"


def _summary(health: Health, reason: str) -> str:
    attempt = health.attempt
    if attempt is None or attempt.ended is None:
        return f"{reason}; {count(health.misses, 'miss')} in a row"
    tried = f"restart {attempt.number} {'was done' if attempt.ok else f'failed ({attempt.detail})'}"
    return f"{reason}; {count(health.misses, 'miss')} in a row; {tried}"


# --- restarts ----------------------------------------------------------------------------------------


def _want_restart(health: Health, now: float, policy: Policy, name: str, trusted: bool) -> Step:
    if policy.restart is None:
        return replace(health, restart_at=None), (RestartRefused(Refusal.NO_RESTARTER),)
    if health.held_until is not None and now < health.held_until:
        return replace(health, restart_at=health.held_until), (RestartRefused(Refusal.HELD, health.held_until),)
    if not trusted:
        return replace(health, restart_at=now), (RestartRefused(Refusal.GATE),)
    if health.beat is not None and health.beat.phase is Phase.CRITICAL and not health.deferred:
        until = now + policy.critical_limit
        return replace(health, restart_at=until, deferred=True), (RestartRefused(Refusal.CRITICAL_PHASE, until),)
    if health.deferred and health.restart_at is not None and now < health.restart_at:
        return health, ()
    match restarts.judge(health.history, now, policy.restart, name):
        case restarts.Now():
            return _start(health, now, policy, health.reason, counted=True)
        case restarts.Later(at):
            return replace(health, restart_at=at), (RestartRefused(Refusal.BACKOFF, at),)
        case restarts.Exhausted(at):
            return replace(health, restart_at=at, exhausted=True), (RestartRefused(Refusal.EXHAUSTED, at),)


def _start(health: Health, now: float, policy: Policy, reason: str, *, counted: bool) -> Step:
    history = health.history
    if counted and policy.restart is not None:
        history = restarts.started(history, now, policy.restart)
    else:
        history = replace(history, total=history.total + 1)
    incarnation = None if health.beat is None else health.beat.incarnation
    attempt = Attempt(history.total, now, reason, incarnation=incarnation)
    after = replace(health, attempt=attempt, history=history, due=None, restart_at=None)
    if health.state is not HealthState.ESCALATED:
        after = replace(after, state=HealthState.RESTARTING, since=now)
    return after, (Restart(attempt.number, reason),)


def _asked(health: Health, by: str, now: float, policy: Policy) -> Step:
    """Restart for a person: not held back by backoff, intensity, hold or gate, and not counted by them."""
    if policy.restart is None:
        return health, (RestartRefused(Refusal.NO_RESTARTER),)
    if health.restarting:
        return health, (RestartRefused(Refusal.IN_PROGRESS),)
    reason = f"asked for by {by}"
    return _start(replace(health, reason=reason), now, policy, reason, counted=False)


def _restarted(health: Health, event: RestartFinished, now: float, policy: Policy, name: str, trusted: bool) -> Step:
    attempt = health.attempt
    if attempt is None or attempt.ended is not None or attempt.number != event.attempt:
        return health, ()
    done = replace(
        attempt,
        ended=now,
        ok=event.ok,
        detail=event.detail,
        exit_code=event.exit_code,
        stderr=event.stderr,
        beat=None,
    )
    reason = f"restart {attempt.number} done, first heartbeat awaited" if event.ok else f"restart failed: {event.detail}"
    health = replace(
        health,
        attempt=done,
        history=restarts.ended(health.history, now),
        due=now + policy.start_period,
        errors=health.errors + (0 if event.ok else 1),
        reason=reason,
    )
    if attempt.beat is None:
        return health, ()
    return _seen(health, attempt.beat, now, policy, name, trusted)


def _released(health: Health, by: str, now: float, policy: Policy, name: str, trusted: bool) -> Step:
    health = replace(health, held_until=None, reason=f"released by {by}")
    if health.restart_at is None or health.restarting:
        return health, ()
    return _want_restart(replace(health, restart_at=now), now, policy, name, trusted)


# --- the frame ---------------------------------------------------------------------------------------


def _registered(health: Health, now: float, policy: Policy) -> Health:
    if health.state is HealthState.UNKNOWN and health.due is None and not health.restarting:
        return replace(health, due=now + policy.heartbeat_timeout, since=health.since or now)
    return health


def _repoliced(health: Health, now: float, policy: Policy) -> Health:
    if policy.restart is None:
        health = replace(health, restart_at=None)
    if health.restarting or health.due is None:
        return health
    if health.misses:
        return replace(health, due=min(health.due, now + policy.check_interval))
    if health.beat is None:
        return replace(health, due=health.since + policy.heartbeat_timeout)
    if health.state is HealthState.HEALTHY:
        return replace(health, due=_due(health.beat, policy))
    return health


def _shifted(health: Health, seconds: float) -> Health:
    attempt = health.attempt
    if attempt is not None:
        attempt = replace(attempt, started=attempt.started + seconds, ended=_plus(attempt.ended, seconds))
    return replace(
        health,
        since=health.since + seconds,
        beat=None if health.beat is None else replace(health.beat, at=health.beat.at + seconds),
        due=_plus(health.due, seconds),
        attempt=attempt,
        history=restarts.shifted(health.history, seconds),
        restart_at=_plus(health.restart_at, seconds),
        held_until=_plus(health.held_until, seconds),
    )


def _plus(at: float | None, seconds: float) -> float | None:
    return None if at is None else at + seconds
