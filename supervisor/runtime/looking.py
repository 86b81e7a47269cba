"""When the files of an agent are looked at: only where they can change what becomes of it."""

from __future__ import annotations

from supervisor.domain.events import BeatKind, CheckAsked, DeadlineReached, HealthEvent, HeartbeatSeen, Released
from supervisor.domain.health import Health
from supervisor.domain.policy import Policy

_ENDS_OF_RUNS = frozenset({BeatKind.OK, BeatKind.STOP})


def calls_for_files(health: Health, event: HealthEvent, now: float, policy: Policy) -> bool:
    """Whether the agent's files are looked at before `event` is judged: those that it is to make, or works on."""
    known = health.postcondition
    match event:
        case HeartbeatSeen(beat, earlier):
            missed = known.to_be_seen and any(one.kind in _ENDS_OF_RUNS for one in (*earlier, beat))
        case CheckAsked():
            missed = bool(known.outcomes)
        case DeadlineReached():
            missed = known.nudged or (known.due is not None and known.due <= now)
        case _:
            missed = False
    return missed or _may_restart(health, event, now, policy)


def _may_restart(health: Health, event: HealthEvent, now: float, policy: Policy) -> bool:
    """Whether `event` can begin a restart that what the agent writes would put off."""
    if not policy.activity or health.restarting:
        return False
    match event:
        case DeadlineReached():
            return any(at is not None and at <= now for at in (health.due, health.restart_at))
        case HeartbeatSeen(beat):
            return beat.kind is BeatKind.FAIL
        case _:
            return isinstance(event, CheckAsked | Released)
