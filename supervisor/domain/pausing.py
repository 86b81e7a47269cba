"""A pause: somebody expects nothing of an agent for a while. It is heard and shown, and neither judged nor touched.

From its end on the agent has its start period to beat, or what its last heartbeat promised, if that is later. Who runs
by a schedule is awaited at the first run that can still happen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from supervisor.domain import beats, postcondition
from supervisor.domain.actions import Refusal, ResolveIncident, RestartRefused
from supervisor.domain.activity import NONE_SEEN
from supervisor.domain.burn import UNMETERED
from supervisor.domain.events import (
    BeatKind,
    CheckAsked,
    DeadlineReached,
    HealthEvent,
    HeartbeatSeen,
    Paused,
    ProcessExited,
    RestartAsked,
    RestartFinished,
    Resumed,
    StartAsked,
)
from supervisor.domain.flapping import STEADY
from supervisor.domain.loop import NO_LOOP
from supervisor.domain.progress import IDLE
from supervisor.domain.vitals import Health, HealthState, Moment, Pause, Step

Judge = Callable[[Health, HealthEvent, Moment], Step]


def begun(health: Health, event: Paused, moment: Moment) -> Step:
    """Begin a pause, or put this one in the place of the one that runs; what is open is over."""
    over = tuple(ResolveIncident(cause, f"paused by {event.by}") for cause in sorted(health.causes))
    since = health.since if health.state is HealthState.STOPPED else moment.now
    return calmed(replace(health, since=since), Pause(event.by, event.until, event.reason)), over


def handle(  # noqa: PLR0911 - a row for every event
    health: Health, pause: Pause, event: HealthEvent, moment: Moment, judge: Judge
) -> Step:
    """Return the health of a paused agent after `event`.

    `judge` says what an agent that is not paused makes of an event.
    """
    match event:
        case Resumed(by):
            return _resumed(health, by, moment), ()
        case DeadlineReached() if pause.until is not None and moment.now >= pause.until:
            return _resumed(health, None, moment), ()
        case RestartAsked():
            return health, (RestartRefused(Refusal.PAUSED),)
        case StartAsked():
            return replace(health, gone="its process was not started, for it was paused"), ()
        case ProcessExited():
            return (health if health.restarting else replace(health, gone=event.words)), ()
        case DeadlineReached() | CheckAsked():
            free = health.held_until is not None and moment.now >= health.held_until
            return (replace(health, held_until=None, held_by="", held_reason="") if free else health), ()
        case HeartbeatSeen() | RestartFinished():
            moment = replace(moment, policy=replace(moment.policy, restart=None))
            heard, _ = judge(health, event, moment)
            return (health if heard is health else calmed(replace(heard, since=health.since, gone=""), pause)), ()
        case _:
            after, _ = judge(health, event, moment)
            return (health if after is health else calmed(after, after.pause or pause)), ()


def calmed(health: Health, pause: Pause) -> Health:
    """Return what is known of an agent in this pause, with nothing in it that would be judged, or done, or told.

    The pause began at `health.since`.
    """
    return replace(
        health,
        state=HealthState.STOPPED,
        misses=0,
        due=None,
        restart_at=None,
        deferred=False,
        retried=False,
        exhausted=False,
        incident=False,
        progress=IDLE,
        loop=NO_LOOP,
        postcondition=postcondition.stopped(health.postcondition, health.since),
        activity=NONE_SEEN,
        flapping=STEADY,
        burn=UNMETERED,
        reason=pause.words,
        pause=pause,
    )


def _resumed(health: Health, by: str | None, moment: Moment) -> Health:
    now, beat = moment.now, health.beat
    reason = "the pause is over, heartbeat awaited" if by is None else f"resumed by {by}, heartbeat awaited"
    free = replace(health, pause=None, since=now, reason=reason, lost=0.0 if beat is None else health.lost)
    if not free.restarting and beat is not None and beats.ends_life(beat, moment.policy):
        return replace(free, reason="stopped as planned")
    expected = postcondition.resumed(free.postcondition, now, moment.policy.start_period)
    free = replace(free, postcondition=expected)
    if free.restarting:
        return replace(free, state=HealthState.RESTARTING)
    promise = beats.promised(free, moment.policy)
    unanswered = beats.unanswered(free) is not None
    if free.gone:
        # A process that is known to have ended has no start period.
        return replace(free, state=HealthState.UNKNOWN, due=now, lost=free.lost + now - promise, lost_at=now)
    if unanswered and moment.policy.schedule is None:
        # As after the restart that nothing was heard of since.
        return replace(free, state=HealthState.UNKNOWN, due=now + moment.policy.start_period)
    well = beat is not None and beat.kind is not BeatKind.FAIL and promise > now and not unanswered
    state = HealthState.HEALTHY if well else HealthState.UNKNOWN
    return replace(beats.begun_anew(free, now, moment.policy), state=state)
