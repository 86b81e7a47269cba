r"""The health of one agent: a pure machine that is told facts and the time, and says what it wants done.

    unknown ----beat----> healthy ----miss 1----> restarting | unhealthy ----miss 2----> escalated
       \                    ^  \                      |                          |
        `------miss--------> |   `--stop--> stopped   `--------fresh beat--------'--> healthy

Only a fresh heartbeat sets `misses` back to 0. A restart re-arms the deadline at its end and keeps the
count, so one that brings no heartbeat is the next miss. At most one restart is under way at any time: while it
is, `due` and `restart_at` are None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, assert_never

from supervisor.domain import (
    activity,
    beats,
    burn,
    flapping,
    loop,
    mending,
    pausing,
    postcondition,
    progress,
    restarts,
    timeline,
    troubles,
)
from supervisor.domain.actions import Cause, HealthAction, Missed, OpenIncident, ResolveIncident, Severity
from supervisor.domain.attempts import Attempt
from supervisor.domain.events import (
    Beat,
    BeatKind,
    CheckAsked,
    ClockStepped,
    DeadlineReached,
    FilesSeen,
    HealthEvent,
    HeartbeatSeen,
    Held,
    ParentWell,
    Paused,
    PolicyChanged,
    ProcessExited,
    Registered,
    Released,
    RestartAsked,
    RestartFinished,
    Resumed,
    StartAsked,
    TimeLost,
)
from supervisor.domain.policy import Policy
from supervisor.domain.restarts import History
from supervisor.domain.standstill import Standstill
from supervisor.domain.vitals import Health, HealthState, Moment, Step
from supervisor.domain.words import count, span

__all__ = ["Attempt", "Health", "HealthState", "handle"]


_KEPT = {Cause.STALLED: "progress", Cause.POSTCONDITION: "postcondition", Cause.LOOP: "loop"}
"""Where the health keeps what is known of each standstill."""


def handle(
    health: Health, event: HealthEvent, now: float, policy: Policy, *, name: str, trusted: bool = True, parent: str = ""
) -> Step:
    """Return the agent's health after `event` at `now`, and what is to be done.

    `name` seeds the jitter. While not `trusted` (the gate is closed) no silence counts and no restart starts. While
    `parent`, an agent that it depends on, is down, misses count, and nobody is told and nothing restarted for them.
    """
    moment = Moment(now, policy, name, trusted, parent)
    if isinstance(event, Paused):
        return pausing.begun(health, event, moment)
    if health.pause is not None:
        return pausing.handle(health, health.pause, event, moment, _answer)
    after, actions = _answer(health, event, moment)
    return after, actions + troubles.changed(health, after, policy)


def _answer(  # noqa: C901, PLR0911, PLR0912 - the table: a row for every event
    health: Health, event: HealthEvent, moment: Moment
) -> Step:
    match event:
        case HeartbeatSeen():
            return _seen(health, event, moment)
        case FilesSeen(newest):
            return _looked(health, newest, moment)
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
        case Held():
            return mending.held(health, event), ()
        case Released():
            return mending.released(health, moment)
        case Registered():
            return _registered(health, moment), ()
        case PolicyChanged():
            return _repoliced(health, moment), ()
        case ParentWell(parent):
            return _judged_anew(health, parent, moment), ()
        case TimeLost(seconds):
            return timeline.lost(health, seconds, moment), ()
        case ClockStepped(seconds):
            return timeline.shifted(health, seconds, moment.policy), ()
        case Paused() | Resumed():
            return health, ()
        case _:
            assert_never(event)


# --- heartbeats --------------------------------------------------------------------------------------


def _seen(health: Health, event: HeartbeatSeen, moment: Moment) -> Step:
    beat = event.beat
    if not beats.is_news(health, beat):
        return health, ()
    if health.attempt is not None and health.restarting:
        return replace(health, attempt=replace(health.attempt, beat=beat)), ()
    retry = beats.is_retry(health, beat, moment.policy)
    for one in event.earlier:
        if beats.is_news(health, one):
            health = replace(health, **_told(health, one, moment))
    return _taken(health, beat, _told(health, beat, moment), moment, retry=retry)


def _told(health: Health, beat: Beat, moment: Moment) -> dict[str, Any]:
    """Return what is new of an agent by what `beat` tells, whatever is made of it."""
    policy = moment.policy
    retired = beats.retired(health, beat)
    new_life = retired != health.retired
    run_at = beats.run_begun(health, beat)
    run_over = health.run_at is not None and run_at is None
    news: dict[str, Any] = {
        "beat": beat,
        "run_at": run_at,
        "lost": health.lost if beat.at < health.lost_at else 0.0,
        "retired": retired,
        "errors": health.errors + (beat.kind is BeatKind.FAIL and beat.at >= health.born),
        "burn": burn.told(health.burn, beat, moment.now, policy, new_life=new_life),
        "progress": progress.told(health.progress, beat, policy.progress_timeout, new_life=new_life, run_over=run_over),
        "loop": loop.told(health.loop, beat, policy.loop_after, new_life=new_life),
    }
    if beats.ends_life(beat, policy):
        return news | {"progress": progress.IDLE, "loop": loop.NO_LOOP}
    if health.pause is None:
        news["postcondition"] = postcondition.resumed(health.postcondition, moment.now, policy.start_period)
    return news


def _taken(health: Health, beat: Beat, news: dict[str, Any], moment: Moment, *, retry: bool) -> Step:
    """Judge the agent by its newest heartbeat; `news` is what it tells, `retry` whether it only begins a run anew."""
    if beats.ends_life(beat, moment.policy):
        news["postcondition"] = postcondition.stopped(health.postcondition, moment.now)
        return _settled(health, HealthState.STOPPED, "stopped as planned", moment, due=None, **news)
    if beat.kind is BeatKind.FAIL:
        return _miss(replace(health, **news), moment.now, "the agent reported a failure", moment)
    due = beats.promise(beat, moment.policy, run_at=news["run_at"], lost=news["lost"], skipped=health.skipped)
    stuck = news["progress"].stuck or news["loop"].stuck or health.postcondition.stuck
    if due < moment.now or stuck:
        # Known only from the past, or of an agent that does not get on: it proves nothing, and takes nothing back.
        health = replace(health, **news)
        late = beats.is_promised(health) or health.state is HealthState.STOPPED
        return (replace(health, due=due) if late else health), ()
    if retry:
        return replace(health, due=due, retried=True, restart_at=None, gone="", **news), ()
    news["history"] = _history(health, moment)
    if not moment.parent:
        news["flapping"] = flapping.judged(health.flapping, moment.now, moment.policy, well=True)
    return _settled(health, HealthState.HEALTHY, troubles.proof(health), moment, due=due, **news)


def _looked(health: Health, newest: Mapping[str, float | None], moment: Moment) -> Step:
    """Take in what the files tell; with the last thing that was missed, the heartbeats since count again."""
    now, policy = moment.now, moment.policy
    known = postcondition.looked(health.postcondition, newest, now, policy.check_interval)
    after = replace(health, postcondition=known, activity=activity.looked(health.activity, newest, now, policy))
    if after == health:
        return health, ()
    freed = health.postcondition.stuck and not any(still.stuck for _, still in after.standstills)
    if not freed or health.restarting or health.beat is None or health.beat.kind is BeatKind.FAIL:
        return after, ()
    due = beats.promised(after, policy)
    if due < now or beats.unanswered(after) is not None:
        return after, ()
    return _settled(after, HealthState.HEALTHY, troubles.proof(health), moment, due=due)


def _history(before: Health, moment: Moment) -> History:
    """Return the history at a heartbeat: after a long healthy time the backoff begins anew."""
    law = moment.policy.restart
    if law is None or before.state is not HealthState.HEALTHY or moment.now - before.since < law.reset_after:
        return before.history
    return restarts.calmed(before.history)


def _settled(health: Health, state: HealthState, reason: str, moment: Moment, **news: Any) -> Step:
    """End the silence: misses, wishes and the incident are over. `news`: what else is different."""
    if health.attempt is not None and not health.attempt.closed:
        news["attempt"] = replace(health.attempt, closed=True)
    if health.state is state:
        return replace(health, deferred=False, reason=reason, **news), ()
    actions = (ResolveIncident(Cause.HEARTBEAT, reason),) if health.incident else ()
    news["activity"] = activity.ended(health.activity)
    over: dict[str, Any] = {"misses": 0, "restart_at": None, "deferred": False, "exhausted": False, "incident": False}
    over["retried"] = False
    return replace(health, state=state, since=moment.now, reason=reason, gone="", **over, **news), actions


# --- silence -----------------------------------------------------------------------------------------


def _woken(health: Health, moment: Moment) -> Step:
    now = moment.now
    if health.held_until is not None and now >= health.held_until:
        health = replace(health, held_until=None, held_by="", held_reason="")
    if health.burn.due is not None and now >= health.burn.due:
        health = replace(health, burn=burn.judged(health.burn, now, moment.policy))
    if not moment.trusted:
        return health, ()
    if health.due is not None and now >= health.due:
        return _miss(health, health.due, _silence(health, moment), moment)
    for cause, still in health.standstills:
        if still.due is not None and now >= still.due:
            return _stood_still(health, cause, still, still.due, moment)
    if health.restart_at is not None:
        return mending.want_restart(health, moment)
    return health, ()


def _stood_still(health: Health, cause: Cause, still: Standstill, due: float, moment: Moment) -> Step:
    """Judge an agent that beats and does not get on: the first time somebody is told, then it is a miss."""
    later = replace(still, due=moment.now + moment.policy.check_interval)
    if health.state is not HealthState.HEALTHY or health.restarting:
        return _with(health, cause, still.paused()), ()
    if moment.parent:
        return _with(health, cause, later), ()
    text = still.words(moment.now)
    if still.nudged:
        return _miss(_with(health, cause, replace(still, due=None, stuck=True)), due, text, moment)
    return _with(health, cause, replace(later, nudged=True)), (OpenIncident(cause, Severity.WARNING, text),)


def _with(health: Health, cause: Cause, still: Standstill) -> Health:
    known: dict[str, Any] = {_KEPT[cause]: still}
    return replace(health, **known)


def _checked(health: Health, moment: Moment) -> Step:
    unheard = health.beat is None and beats.is_promised(health)
    if unheard and moment.policy.schedule is None and moment.trusted:
        health = replace(health, misses=max(health.misses, moment.policy.escalate_after - 1))
        return _miss(health, moment.now, "no heartbeat was ever seen", moment)
    return _woken(health, moment)


def _exited(health: Health, event: ProcessExited, moment: Moment) -> Step:
    if health.state is HealthState.STOPPED or health.restarting:
        return health, ()
    # The dead are in no critical phase.
    gone = replace(health, deferred=True, restart_at=None, gone=event.words)
    return _miss(gone, moment.now, event.words, moment)


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
    due_next = base + policy.check_interval
    after = replace(health, misses=misses, due=due_next, reason=reason, flapping=flaps, retried=False)
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
    attempt = beats.unanswered(health)
    if attempt is not None and attempt.ended is not None:
        return f"no heartbeat in {span(now - attempt.ended)} since {attempt.name}"
    stuck = [still.words(now) for _, still in health.standstills if still.stuck]
    if stuck and now <= beats.promised(health, moment.policy):
        return "; ".join(stuck)
    if health.beat is not None and health.beat.kind is BeatKind.FAIL:
        silence = f"the agent reported a failure; no heartbeat for {span(now - health.beat.at)} since"
    else:
        silence = beats.silence(health, moment.policy, now)
    return f"{health.gone}; {silence}" if health.gone else silence


def told(health: Health) -> str:
    """Return what people are told of the misses."""
    attempt = beats.unanswered(health)
    misses = f"{health.reason}; {count(health.misses, 'miss')} in a row"
    return misses if attempt is None else f"{misses}; {attempt.outcome}"


# --- the frame ---------------------------------------------------------------------------------------


def _restarted(health: Health, event: RestartFinished, moment: Moment) -> Step:
    attempt = health.attempt
    if attempt is None or attempt.ended is not None or attempt.number != event.attempt:
        return health, ()
    health = mending.ended(health, attempt, event, moment)
    return (health, ()) if attempt.beat is None else _seen(health, HeartbeatSeen(attempt.beat), moment)


def _judged_anew(health: Health, parent: str, moment: Moment) -> Health:
    """Forget misses that were the parent's: the agent has its start period, a process that has ended has none.

    Who runs by a schedule is awaited at the first run that can still happen.
    """
    now = moment.now
    if moment.parent or not health.misses or health.incident or health.restarting:
        return health
    after = replace(health, misses=0, retried=False, restart_at=None, reason=f"judged anew: {parent} is down no more")
    if health.gone or moment.policy.schedule is None:
        return replace(after, due=now if health.gone else now + moment.policy.start_period)
    return replace(beats.begun_anew(after, now, moment.policy), state=HealthState.UNKNOWN, since=now)


def _registered(health: Health, moment: Moment) -> Health:
    """Await the first heartbeat; what an earlier life of the supervisor knew is judged by today's promises."""
    health = replace(health, born=health.born or int(moment.now))
    if health.state is HealthState.UNKNOWN and health.due is None and not health.restarting:
        health = replace(health, since=health.since or moment.now)
        health = replace(health, due=beats.promised(health, moment.policy))
    return _repoliced(health, moment)


def _repoliced(health: Health, moment: Moment) -> Health:
    now, policy = moment.now, moment.policy
    health = replace(
        health,
        progress=progress.promised(health.progress, policy.progress_timeout),
        loop=loop.promised(health.loop, policy.loop_after),
        postcondition=postcondition.promised(health.postcondition, policy.expects, now),
        burn=burn.promised(health.burn, now, policy),
        activity=activity.promised(health.activity, policy),
    )
    if policy.restart is None and health.attempt is not None and health.restarting:
        # Nobody is left who could tell how it ends.
        gone = RestartFinished(health.attempt.number, ok=False, detail="nothing restarts this agent any more")
        return mending.ended(health, health.attempt, gone, moment)
    if health.due is None:
        return health
    if not beats.is_promised(health):
        return replace(health, due=min(health.due, now + max(policy.check_interval, policy.start_period)))
    return beats.repromised(health, now, policy)
