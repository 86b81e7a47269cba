"""What a heartbeat says of an agent: whether it is news, what is promised by it, what its absence is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from supervisor.domain import attempts
from supervisor.domain.attempts import Attempt
from supervisor.domain.events import Beat, BeatKind
from supervisor.domain.policy import Policy
from supervisor.domain.schedule import Schedule
from supervisor.domain.times import moved
from supervisor.domain.vitals import PROMISED, Health
from supervisor.domain.words import span

_RETIRED_KEPT = 8

_ROUNDING = 1e-3
"""Deadlines (s) that lie closer are one."""

_CORRECTION = 3 * 3600.0
"""A clock that is set back by less (s) runs no schedule twice, as with cron."""


def is_news(health: Health, beat: Beat) -> bool:
    """Whether `beat` is a newer word of the life that is watched, or of a newer life."""
    attempt = health.attempt
    known = health.beat if attempt is None or attempt.beat is None else attempt.beat
    if beat.kind is BeatKind.LOG or beat.incarnation in health.retired:
        return False
    if known is not None and (beat.at < known.at or beat.fingerprint == known.fingerprint):
        return False
    return attempt is None or not attempts.is_old_life(attempt, beat)


def retired(health: Health, beat: Beat) -> tuple[str, ...]:
    """Return the incarnations that are over once `beat` is known."""
    known = None if health.beat is None else health.beat.incarnation
    if known is not None and beat.incarnation is not None and beat.incarnation != known:
        return (*health.retired, known)[-_RETIRED_KEPT:]
    return health.retired


# --- promises ----------------------------------------------------------------------------------------


def run_begun(health: Health, beat: Beat) -> float | None:
    """Return when the run began whose end `beat` leaves open; None where it leaves none open.

    A further `start` does not lengthen the time: else an agent that dies in each run would never be missed. Only after
    a restart of ours the run is another.
    """
    if beat.kind is not BeatKind.START:
        return None
    begun, attempt = health.run_at, health.attempt
    if begun is None or (attempt is not None and attempt.started > begun):
        return beat.at
    return begun if beat.at < health.lost_at else begun + health.lost


def awaited(since: float, policy: Policy, skipped: float) -> float:
    """Return until when an agent need not beat that has beaten, or is watched, `since` then, and says no more."""
    if policy.schedule is None:
        return since + policy.heartbeat_timeout
    return policy.schedule.after(max(since, skipped)) + policy.schedule.grace


def promise(beat: Beat, policy: Policy, *, run_at: float | None, lost: float, skipped: float) -> float:
    """Return until when the agent need not beat again after `beat`; it had no chance to for `lost` seconds.

    A `start` begins a run. While that lasts its end counts, `max_runtime` after `run_at`, and neither the timeout nor
    the schedule: those count again from its end on. Without a `max_runtime` a `start` is a heartbeat as any other.
    """
    if run_at is not None and policy.max_runtime is not None:
        due = run_at + policy.max_runtime
    else:
        due = awaited(beat.at, policy, skipped)
    if beat.busy_until is not None:
        due = min(max(due, beat.busy_until), due + policy.busy_limit)
    return due + lost


def promised(health: Health, policy: Policy) -> float:
    """Return until when the agent need not beat, by its last heartbeat or, without one, by its registration."""
    if health.beat is None:
        return awaited(health.since, policy, health.skipped) + health.lost
    return promise(health.beat, policy, run_at=health.run_at, lost=health.lost, skipped=health.skipped)


def begun_anew(health: Health, now: float, policy: Policy) -> Health:
    """Return the health of an agent that had no chance to beat until `now`: what it promised, or its start period.

    Who runs by a schedule is awaited at the first run that can still happen. One whose time is not over goes on.
    """
    promise = promised(health, policy)
    if policy.schedule is not None and (promise <= now or not _runs(health, policy)):
        after = replace(health, run_at=None, lost=0.0, lost_at=now, skipped=max(now, health.skipped))
        return replace(after, due=promised(after, policy))
    due = max(promise, now + policy.start_period)
    # What it is given beside its promise counts as time that it had no chance to beat in: a reload finds it again.
    return replace(health, due=due, lost=health.lost + due - promise, lost_at=now)


def repromised(health: Health, now: float, policy: Policy) -> Health:
    """Return the health by the promises of today.

    Those that were changed are judged from now on: nobody is late at once by them, and no run of a new schedule is
    awaited that was over before it was known.
    """
    due = promised(health, policy)
    if policy.schedule is None:
        changed = due <= now
    else:
        changed = not _runs(health, policy) and health.due is not None and abs(due - health.due) > _ROUNDING
    in_time = health.due is not None and now < health.due
    return begun_anew(health, now, policy) if changed and in_time else replace(health, due=due)


def is_promised(health: Health) -> bool:
    """Whether the deadline is what the last heartbeat, or the registration, promised, and nothing later."""
    promised = health.state in PROMISED or health.retried
    return promised and not health.restarting and unanswered(health) is None


def unanswered(health: Health) -> Attempt | None:
    """Return the last restart, where it has ended and the life that it began has not been heard of.

    Once the runs of its time were left out, nobody waits for it any more.
    """
    attempt = health.attempt
    if attempt is None or attempt.ended is None or attempt.ended <= health.skipped:
        return None
    return attempt if health.beat is None or attempts.is_old_life(attempt, health.beat) else None


def next_run(health: Health, schedule: Schedule, policy: Policy, now: float) -> float:
    """Return the scheduled time that is awaited, which may just be over."""
    return _run(health, schedule.after) if _awaits_run(health, policy) else schedule.after(now)


def is_retry(health: Health, beat: Beat, policy: Policy) -> bool:
    """Whether `beat` begins a run after a miss, and the run's end has to show that all is well again.

    So it is where an end is awaited, by a schedule or a `max_runtime`: else who fails in each run would never be missed
    twice. The first word of the life that a restart of ours began counts as ever.
    """
    ends = policy.schedule is not None or policy.max_runtime is not None
    return ends and beat.kind is BeatKind.START and health.misses > 0 and unanswered(health) is None


def ends_life(beat: Beat, policy: Policy) -> bool:
    """Whether no heartbeat is awaited after `beat`. Who runs by a schedule stops after each run."""
    return beat.kind is BeatKind.STOP and policy.schedule is None


def silence(health: Health, policy: Policy, now: float) -> str:
    """Say what is missing, in plain words."""
    beat = health.beat
    if beat is None:
        return "no heartbeat was ever seen"
    if _runs(health, policy) and health.run_at is not None:
        return f"its run has not ended in {span(now - health.run_at)}"
    if policy.schedule is not None and now > (run := _run(health, policy.schedule.after)):
        return f"its run is {span(now - run)} late"
    return f"no heartbeat for {span(now - beat.at)}"


# --- the clock ---------------------------------------------------------------------------------------


def lost(health: Health, seconds: float, now: float, policy: Policy) -> Health:
    """Return the health after the agent had no chance to run for the last `seconds`.

    A scheduled time stays where it is on the wall. Where it fell into that time, nobody was there to run, and the first
    one after it is awaited; where it had not come yet, nothing was lost of it.
    """
    due = moved(health.due, seconds)
    if policy.schedule is not None and _awaits_run(health, policy):
        run = _run(health, policy.schedule.after)
        if run > now:
            return health
        if run >= now - seconds:
            after = replace(health, lost=0.0, lost_at=now, skipped=now)
            return replace(after, due=promised(after, policy))
    return replace(health, due=due, lost=health.lost + seconds, lost_at=now)


def shifted(health: Health, seconds: float, policy: Policy) -> Health:
    """Return the health with what belongs to its heartbeat after the clock was set by `seconds`.

    Scheduled times are not moved: it is the clock that they go by. A time that had come before the clock was set back a
    little does not come again.
    """
    if -_CORRECTION < seconds < 0:
        skipped = max(_since(health), health.skipped)
    else:
        skipped = health.skipped + seconds if health.skipped else 0.0
    beat = None if health.beat is None else health.beat.shifted(seconds)
    after = replace(
        health, since=health.since + seconds, beat=beat, lost_at=health.lost_at + seconds, skipped=skipped,
        due=moved(health.due, seconds), run_at=moved(health.run_at, seconds),
    )  # fmt: skip
    if policy.schedule is not None and health.due is not None and _awaits_run(health, policy):
        return replace(after, due=promised(after, policy))
    return after


# --- inside ------------------------------------------------------------------------------------------


def _awaits_run(health: Health, policy: Policy) -> bool:
    """Whether the deadline of an agent with a schedule is that of its next run."""
    return is_promised(health) and not _runs(health, policy)


def _runs(health: Health, policy: Policy) -> bool:
    """Whether a run is under way whose end is awaited."""
    return health.run_at is not None and policy.max_runtime is not None


def _run(health: Health, after: Callable[[float], float]) -> float:
    """Return the first scheduled time after the last heartbeat, or the registration, at which the agent could run."""
    return after(max(_since(health), health.skipped))


def _since(health: Health) -> float:
    return health.since if health.beat is None else health.beat.at
