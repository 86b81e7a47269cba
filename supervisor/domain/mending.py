"""Restarting an agent: whether one may start now, and what its health is from its beginning to its end."""

from __future__ import annotations

from dataclasses import replace

from supervisor.domain import activity, attempts, postcondition, restarts
from supervisor.domain.actions import Refusal, Restart, RestartRefused
from supervisor.domain.attempts import Attempt
from supervisor.domain.events import Held, Phase, RestartFinished
from supervisor.domain.policy import OnExhausted, RestartPolicy
from supervisor.domain.restarts import History
from supervisor.domain.vitals import Health, HealthState, Moment, Step


def want_restart(health: Health, moment: Moment) -> Step:
    """Start a restart, or put it off: until a time, or until the next miss calls for it again."""
    now, law = moment.now, moment.policy.restart
    if health.restart_at is not None and now < health.restart_at:
        return health, ()
    if law is None:
        return replace(health, restart_at=None), (RestartRefused(Refusal.NO_RESTARTER),)
    refused = _refusal(health, law, moment)
    if refused is None:
        return _restart(health, restarts.started(health.history, now, law), now, health.reason)
    after = replace(
        health,
        restart_at=now if refused.reason is Refusal.GATE else refused.until,
        activity=activity.put_off(health.activity, now) if refused.reason is Refusal.ACTIVITY else health.activity,
        deferred=health.deferred or refused.reason is Refusal.CRITICAL_PHASE,
        exhausted=health.exhausted or refused.reason is Refusal.EXHAUSTED,
    )
    return after, (refused,)


def _refusal(health: Health, law: RestartPolicy, moment: Moment) -> RestartRefused | None:
    """Return why no restart may start now, None where one may."""
    if moment.parent:
        return RestartRefused(Refusal.PARENT_DOWN)
    if health.held_until is not None and moment.now < health.held_until:
        return RestartRefused(Refusal.HELD, health.held_until)
    if health.flapping.on:
        return RestartRefused(Refusal.FLAPPING)
    if not moment.trusted:
        return RestartRefused(Refusal.GATE)
    return _at_work(health, moment) or _verdict(health, law, moment)


def _at_work(health: Health, moment: Moment) -> RestartRefused | None:
    """Say whether a restart would break into what the agent does; neither puts it off for ever."""
    if health.beat is not None and health.beat.phase is Phase.CRITICAL and not health.deferred:
        return RestartRefused(Refusal.CRITICAL_PHASE, moment.now + moment.policy.critical_limit)
    written = None if health.gone else activity.until(health.activity, health.beat, moment.now, moment.policy)
    if written is not None:
        return RestartRefused(Refusal.ACTIVITY, written, health.activity.words(moment.now))
    return None


def _verdict(health: Health, law: RestartPolicy, moment: Moment) -> RestartRefused | None:
    """Say what the law of restarts says; once it has put an agent on hold, only a heartbeat or a person frees it."""
    if health.exhausted and law.on_exhausted is OnExhausted.HOLD:
        return RestartRefused(Refusal.EXHAUSTED)
    verdict = restarts.judge(health.history, moment.now, law, moment.name)
    if isinstance(verdict, restarts.Now):
        return None
    reason = Refusal.BACKOFF if isinstance(verdict, restarts.Later) else Refusal.EXHAUSTED
    return RestartRefused(reason, verdict.at)


def _restart(health: Health, history: History, now: float, reason: str) -> Step:
    after, actions = _begin(health, history, now, reason, history.total - history.starts)
    if health.state is not HealthState.ESCALATED:
        after = replace(after, state=HealthState.RESTARTING, since=now)
    return after, actions


def _begin(health: Health, history: History, now: float, reason: str, nth: int) -> Step:
    incarnation = None if health.beat is None else health.beat.incarnation
    attempt = Attempt(history.total, now, reason, nth, incarnation=incarnation)
    after = replace(
        health, attempt=attempt, history=history, due=None, restart_at=None, deferred=True, gone="", reason=reason,
        retried=False,
    )  # fmt: skip
    return after, (Restart(attempt.number, reason, first=not nth),)


def first_start(health: Health, moment: Moment) -> Step:
    """Start an agent that we run, with the supervisor: that is no restart, and its state stays what it is."""
    if moment.policy.restart is None or health.restarting:
        return health, ()
    return _begin(health, restarts.begun(health.history), moment.now, "started with the supervisor", 0)


def asked(health: Health, by: str, moment: Moment) -> Step:
    """Restart for a person: held back by no backoff, intensity, hold or gate, and not counted by them."""
    if moment.policy.restart is None:
        return health, (RestartRefused(Refusal.NO_RESTARTER),)
    if health.restarting:
        return health, (RestartRefused(Refusal.IN_PROGRESS),)
    return _restart(health, restarts.uncounted(health.history), moment.now, f"asked for by {by}")


def ended(health: Health, attempt: Attempt, event: RestartFinished, moment: Moment) -> Health:
    """End the running restart: the next deadline is its end and the start period."""
    now = moment.now
    return replace(
        health,
        attempt=attempts.ended(attempt, event, now),
        history=restarts.ended(health.history, now),
        due=now + moment.policy.start_period,
        errors=health.errors + (0 if event.ok else 1),
        progress=health.progress.paused() if event.ok else health.progress,
        loop=health.loop.paused() if event.ok else health.loop,
        postcondition=postcondition.restarted(health.postcondition, now) if event.ok else health.postcondition,
        reason=f"{attempt.name} {'done, first heartbeat awaited' if event.ok else f'failed: {event.detail}'}",
    )


def held(health: Health, hold: Held) -> Health:
    """Hold restarts; one that waits for an earlier hold waits for this one."""
    restart_at = hold.until if _waits_for_hold(health) else health.restart_at
    return replace(health, held_until=hold.until, held_by=hold.by, held_reason=hold.reason, restart_at=restart_at)


def released(health: Health, moment: Moment) -> Step:
    """Lift the hold, and try the restart that waits for it. One that waits for something else goes on waiting."""
    free = replace(health, held_until=None, held_by="", held_reason="")
    return want_restart(replace(free, restart_at=None), moment) if _waits_for_hold(health) else (free, ())


def _waits_for_hold(health: Health) -> bool:
    return health.restart_at is not None and health.restart_at == health.held_until
