r"""The health of one agent: a pure machine that is told facts and the time, and says what it wants done.

    unknown ----beat----> healthy ----miss 1----> restarting | unhealthy ----miss 2----> escalated
       \                    ^  \                      |                          |
        `------miss--------> |   `--stop--> stopped   `--------fresh beat--------'--> healthy

Only a fresh heartbeat sets `misses` back to 0. A restart re-arms the deadline at its end and keeps the
count, so one that brings no heartbeat is the next miss. At most one restart is under way at any time: while it
is, `due` and `restart_at` are None.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

from supervisor.domain import attempts, burn, flapping, mending, progress, restarts
from supervisor.domain.actions import Cause, HealthAction, Missed, OpenIncident, ResolveIncident, Severity
from supervisor.domain.attempts import Attempt
from supervisor.domain.events import (
    Beat,
    BeatKind,
    CheckAsked,
    ClockStepped,
    DeadlineReached,
    HealthEvent,
    HeartbeatSeen,
    Held,
    ParentWell,
    PolicyChanged,
    ProcessExited,
    Registered,
    Released,
    RestartAsked,
    RestartFinished,
    StartAsked,
    TimeLost,
)
from supervisor.domain.policy import Policy
from supervisor.domain.restarts import History
from supervisor.domain.times import moved
from supervisor.domain.vitals import PROMISED, Health, HealthState, Moment, Step
from supervisor.domain.words import count, span

__all__ = ["Attempt", "Health", "HealthState", "handle"]

_RETIRED_KEPT = 8


def handle(
    health: Health, event: HealthEvent, now: float, policy: Policy, *, name: str, trusted: bool = True, parent: str = ""
) -> Step:
    """Return the agent's health after `event` at `now`, and what is to be done.

    `name` seeds the jitter. While not `trusted` (the gate is closed) no silence counts and no restart starts. While
    `parent`, an agent that it depends on, is down, misses count, and nobody is told and nothing restarted for them.
    """
    after, actions = _answer(health, event, Moment(now, policy, name, trusted, parent))
    if after.burn.over and not health.burn.over:
        actions += (OpenIncident(Cause.BURN, Severity.CRITICAL, burn.over_limit(after.burn, policy)),)
    if health.burn.over and not after.burn.over:
        actions += (ResolveIncident(Cause.BURN, "it uses no more than it may"),)
    if health.progress.nudged and not after.progress.nudged:
        actions += (ResolveIncident(Cause.STALLED, "its work moves again, or waits no more"),)
    if after.flapping.on and not health.flapping.on:
        actions += (OpenIncident(Cause.FLAPPING, Severity.CRITICAL, after.flapping.words),)
    if health.flapping.on and not after.flapping.on:
        actions += (ResolveIncident(Cause.FLAPPING, "it is well and ill by turns no more"),)
    return after, actions


def _answer(  # noqa: C901, PLR0911, PLR0912 - the table: a row for every event
    health: Health, event: HealthEvent, moment: Moment
) -> Step:
    match event:
        case HeartbeatSeen(beat):
            return _seen(health, beat, moment)
        case DeadlineReached():
            return _woken(health, moment)
        case CheckAsked():
            return _checked(health, moment)
        case ProcessExited():
            return _exited(health, event, moment)
        case RestartFinished():
            return _restarted(health, event, moment)
        case RestartAsked(by):
            return mending.asked(health, by, moment)
        case StartAsked():
            return mending.first_start(health, moment)
        case Held(until):
            return mending.held(health, until), ()
        case Released():
            return mending.released(health, moment)
        case Registered():
            return _registered(health, moment), ()
        case PolicyChanged():
            return _repoliced(health, moment), ()
        case ParentWell(parent):
            return _judged_anew(health, parent, moment), ()
        case TimeLost(seconds):
            return _lost(health, seconds, moment.now), ()
        case ClockStepped(seconds):
            return _shifted(health, seconds), ()
        case _:
            assert_never(event)


# --- heartbeats --------------------------------------------------------------------------------------


def _seen(health: Health, beat: Beat, moment: Moment) -> Step:
    if not _is_news(health, beat):
        return health, ()
    if health.attempt is not None and health.restarting:
        return replace(health, attempt=replace(health.attempt, beat=beat)), ()
    lost = health.lost if beat.at < health.lost_at else 0.0
    retired = _retired(health, beat)
    new_life = retired != health.retired
    work = progress.told(health.progress, beat, moment.policy.progress_timeout, new_life=new_life)
    spent = burn.told(health.burn, beat, moment.now, moment.policy, new_life=new_life)
    news: dict[str, Any] = {"beat": beat, "lost": lost, "retired": retired, "progress": work, "burn": spent}
    if beat.kind is BeatKind.STOP:
        news["progress"] = progress.IDLE
        return _settled(health, HealthState.STOPPED, "stopped as planned", moment, due=None, **news)
    if beat.kind is BeatKind.FAIL:
        text = "the agent reported a failure"
        return _miss(replace(health, errors=health.errors + 1, **news), moment.now, text, moment)
    due = _promise(beat, lost, moment.policy)
    if due < moment.now or work.stuck:
        # Known only from the past, or of an agent that does not get on: it proves nothing, and takes nothing back.
        health = replace(health, **news)
        late = _is_promised(health) or health.state is HealthState.STOPPED
        return (replace(health, due=due) if late else health), ()
    news["history"] = _history(health, moment)
    if not moment.parent:
        news["flapping"] = flapping.judged(health.flapping, moment.now, moment.policy, well=True)
    return _settled(health, HealthState.HEALTHY, "heartbeat in time", moment, due=due, **news)


def _is_news(health: Health, beat: Beat) -> bool:
    """Whether `beat` is a newer word of the life that is watched, or of a newer life."""
    attempt = health.attempt
    known = health.beat if attempt is None or attempt.beat is None else attempt.beat
    if beat.kind is BeatKind.LOG or beat.incarnation in health.retired:
        return False
    if known is not None and (beat.at < known.at or beat.fingerprint == known.fingerprint):
        return False
    return attempt is None or not attempts.is_old_life(attempt, beat)


def _retired(health: Health, beat: Beat) -> tuple[str, ...]:
    """Return the incarnations that are over once `beat` is known."""
    known = None if health.beat is None else health.beat.incarnation
    if known is not None and beat.incarnation is not None and beat.incarnation != known:
        return (*health.retired, known)[-_RETIRED_KEPT:]
    return health.retired


def _promise(beat: Beat, lost: float, policy: Policy) -> float:
    """Return until when the agent need not beat again after `beat`; it had no chance to for `lost` seconds."""
    due = beat.at + policy.heartbeat_timeout
    if beat.busy_until is not None:
        due = min(max(due, beat.busy_until), due + policy.busy_limit)
    return due + lost


def _history(before: Health, moment: Moment) -> History:
    """Return the history at a heartbeat: after a long healthy time the backoff begins anew."""
    law = moment.policy.restart
    if law is None or before.state is not HealthState.HEALTHY or moment.now - before.since < law.reset_after:
        return before.history
    return restarts.calmed(before.history)


def _settled(health: Health, state: HealthState, reason: str, moment: Moment, **news: Any) -> Step:
    """End the silence: misses, wishes and the incident are over. `news`: what else is different."""
    if health.state is state:
        return replace(health, deferred=False, reason=reason, **news), ()
    actions = (ResolveIncident(Cause.HEARTBEAT, reason),) if health.incident else ()
    over: dict[str, Any] = {"misses": 0, "restart_at": None, "deferred": False, "exhausted": False, "incident": False}
    return replace(health, state=state, since=moment.now, reason=reason, gone="", **over, **news), actions


# --- silence -----------------------------------------------------------------------------------------


def _woken(health: Health, moment: Moment) -> Step:
    now = moment.now
    if health.held_until is not None and now >= health.held_until:
        health = replace(health, held_until=None)
    if health.burn.due is not None and now >= health.burn.due:
        health = replace(health, burn=burn.judged(health.burn, now, moment.policy))
    if not moment.trusted:
        return health, ()
    if health.due is not None and now >= health.due:
        return _miss(health, health.due, _silence(health, moment), moment)
    if health.progress.due is not None and now >= health.progress.due:
        return _idled(health, health.progress.due, moment)
    if health.restart_at is not None:
        return mending.want_restart(health, moment)
    return health, ()


def _idled(health: Health, due: float, moment: Moment) -> Step:
    """Judge an agent that beats and does not get on: the first time somebody is told, then it is a miss."""
    work = health.progress
    if health.state is not HealthState.HEALTHY or health.restarting:
        return replace(health, progress=progress.paused(work)), ()
    if moment.parent:
        return replace(health, progress=replace(work, due=moment.now + moment.policy.check_interval)), ()
    text = work.stall(moment.now)
    if work.nudged:
        return _miss(replace(health, progress=replace(work, due=None, stuck=True)), due, text, moment)
    after = replace(health, progress=replace(work, due=moment.now + moment.policy.check_interval, nudged=True))
    return after, (OpenIncident(Cause.STALLED, Severity.WARNING, text),)


def _checked(health: Health, moment: Moment) -> Step:
    if health.beat is None and _is_promised(health) and moment.trusted:
        health = replace(health, misses=max(health.misses, moment.policy.escalate_after - 1))
        return _miss(health, moment.now, "no heartbeat was ever seen", moment)
    return _woken(health, moment)


def _exited(health: Health, event: ProcessExited, moment: Moment) -> Step:
    if health.state is HealthState.STOPPED or health.restarting:
        return health, ()
    text = f"the process {_ending(event.code)}"
    # The dead are in no critical phase.
    return _miss(replace(health, deferred=True, restart_at=None, gone=text), moment.now, text, moment)


def _ending(code: int | None) -> str:
    if code is None:
        return "ended"
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _miss(health: Health, due: float, reason: str, moment: Moment) -> Step:
    now, policy = moment.now, moment.policy
    misses = health.misses + 1
    # A miss that is decided late (the supervisor was away) must not bring the next one along with it.
    base = due if now - due < policy.check_interval else now
    flaps = health.flapping
    if moment.parent:
        reason = f"{reason}; it depends on {moment.parent}, which is down"
    else:
        flaps = flapping.judged(flaps, now, policy, well=False)
    after = replace(health, misses=misses, due=base + policy.check_interval, reason=reason, flapping=flaps)
    actions: tuple[HealthAction, ...] = (Missed(misses, due, reason),)
    escalated = misses >= policy.escalate_after and not moment.parent
    if escalated and not after.incident and not flaps.on:  # of what flaps people are told once
        after = replace(after, incident=True)
        actions += (OpenIncident(Cause.HEARTBEAT, Severity.CRITICAL, told(after)),)
    state = HealthState.ESCALATED if escalated or health.state is HealthState.ESCALATED else HealthState.UNHEALTHY
    if after.state is not state:
        after = replace(after, state=state, since=now)
    if misses >= policy.restart_after:
        after, more = mending.want_restart(after, moment)
        actions += more
    return after, actions


def _silence(health: Health, moment: Moment) -> str:
    now = moment.now
    attempt = _unanswered(health)
    if attempt is not None and attempt.ended is not None:
        return f"no heartbeat in {span(now - attempt.ended)} since {attempt.name}"
    if health.beat is None:
        return "no heartbeat was ever seen"
    if health.progress.stuck and now <= _promise(health.beat, health.lost, moment.policy):
        return health.progress.stall(now)
    silence = f"no heartbeat for {span(now - health.beat.at)}"
    return f"{health.gone}; {silence}" if health.gone else silence


def told(health: Health) -> str:
    """Return what people are told of the misses."""
    attempt = _unanswered(health)
    misses = f"{health.reason}; {count(health.misses, 'miss')} in a row"
    return misses if attempt is None else f"{misses}; {attempt.outcome}"


def _is_promised(health: Health) -> bool:
    """Whether the deadline is what the last heartbeat, or the registration, promised, and nothing later."""
    return health.state in PROMISED and not health.restarting and _unanswered(health) is None


def _unanswered(health: Health) -> Attempt | None:
    """Return the last restart, where it has ended and the life that it began has not been heard of."""
    attempt = health.attempt
    if attempt is None or attempt.ended is None:
        return None
    return attempt if health.beat is None or attempts.is_old_life(attempt, health.beat) else None


# --- the frame ---------------------------------------------------------------------------------------


def _restarted(health: Health, event: RestartFinished, moment: Moment) -> Step:
    attempt = health.attempt
    if attempt is None or attempt.ended is not None or attempt.number != event.attempt:
        return health, ()
    health = mending.ended(health, attempt, event, moment)
    return (health, ()) if attempt.beat is None else _seen(health, attempt.beat, moment)


def _judged_anew(health: Health, parent: str, moment: Moment) -> Health:
    """Forget misses that were the parent's: the agent has its start period, a process that has ended has none."""
    if moment.parent or not health.misses or health.incident or health.restarting:
        return health
    due = moment.now if health.gone else moment.now + moment.policy.start_period
    return replace(health, misses=0, due=due, restart_at=None, reason=f"judged anew: {parent} is down no more")


def _registered(health: Health, moment: Moment) -> Health:
    """Await the first heartbeat; what an earlier life of the supervisor knew is judged by today's promises."""
    health = replace(health, born=health.born or int(moment.now))
    if health.state is HealthState.UNKNOWN and health.due is None and not health.restarting:
        due = moment.now + moment.policy.heartbeat_timeout
        health = replace(health, due=due, since=health.since or moment.now)
    return _repoliced(health, moment)


def _repoliced(health: Health, moment: Moment) -> Health:
    now, policy = moment.now, moment.policy
    health = replace(
        health,
        progress=progress.promised(health.progress, policy.progress_timeout),
        burn=burn.promised(health.burn, now, policy),
    )
    if policy.restart is None and health.attempt is not None and health.restarting:
        # Nobody is left who could tell how it ends.
        gone = RestartFinished(health.attempt.number, ok=False, detail="nothing restarts this agent any more")
        return mending.ended(health, health.attempt, gone, moment)
    if health.due is None:
        return health
    if not _is_promised(health):
        return replace(health, due=min(health.due, now + max(policy.check_interval, policy.start_period)))
    if health.beat is None:
        return replace(health, due=health.since + policy.heartbeat_timeout + health.lost)
    return replace(health, due=_promise(health.beat, health.lost, policy))


def _lost(health: Health, seconds: float, now: float) -> Health:
    work = progress.shifted(health.progress, seconds)
    return replace(health, due=moved(health.due, seconds), lost=health.lost + seconds, lost_at=now, progress=work)


def _shifted(health: Health, seconds: float) -> Health:
    return replace(
        health,
        since=health.since + seconds,
        beat=None if health.beat is None else health.beat.shifted(seconds),
        due=moved(health.due, seconds),
        lost_at=health.lost_at + seconds,
        attempt=None if health.attempt is None else attempts.shifted(health.attempt, seconds),
        history=restarts.shifted(health.history, seconds),
        restart_at=moved(health.restart_at, seconds),
        held_until=moved(health.held_until, seconds),
        progress=progress.shifted(health.progress, seconds),
        burn=burn.shifted(health.burn, seconds),
        flapping=flapping.shifted(health.flapping, seconds),
    )
