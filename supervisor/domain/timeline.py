"""What becomes of an agent's kept times when time is lost, or the clock is set."""

from __future__ import annotations

from dataclasses import replace

from supervisor.domain import activity, attempts, beats, burn, flapping, loop, postcondition, progress, restarts
from supervisor.domain.policy import Policy
from supervisor.domain.times import moved
from supervisor.domain.vitals import Health, Moment


def lost(health: Health, seconds: float, moment: Moment) -> Health:
    """Return the health after the agent had no chance to run for the last `seconds`."""
    after = beats.lost(health, seconds, moment.now, moment.policy)
    return replace(
        after,
        progress=progress.shifted(health.progress, seconds),
        loop=loop.shifted(health.loop, seconds),
        postcondition=postcondition.lost(health.postcondition, seconds),
    )


def rebooted(health: Health, away: float, now: float, policy: Policy) -> Health:
    """Return the health of an agent that began at `now` with its machine, which was off for `away` seconds."""
    if health.due is None:
        return health
    if beats.is_promised(health):
        after = beats.begun_anew(health, now, policy)
    else:
        after = replace(health, due=max(health.due, now + policy.start_period))
    return replace(
        after,
        progress=health.progress.paused(),
        loop=health.loop.paused(),
        postcondition=postcondition.restarted(postcondition.lost(health.postcondition, away), now),
    )


def shifted(health: Health, seconds: float, policy: Policy) -> Health:
    """Return the health after the clock was set by `seconds`: every kept time moves with it."""
    return replace(
        beats.shifted(health, seconds, policy),
        attempt=None if health.attempt is None else attempts.shifted(health.attempt, seconds),
        history=restarts.shifted(health.history, seconds),
        restart_at=moved(health.restart_at, seconds),
        held_until=moved(health.held_until, seconds),
        pause=None if health.pause is None else replace(health.pause, until=moved(health.pause.until, seconds)),
        progress=progress.shifted(health.progress, seconds),
        loop=loop.shifted(health.loop, seconds),
        postcondition=postcondition.shifted(health.postcondition, seconds),
        burn=burn.shifted(health.burn, seconds),
        activity=activity.shifted(health.activity, seconds),
        flapping=flapping.shifted(health.flapping, seconds),
    )
