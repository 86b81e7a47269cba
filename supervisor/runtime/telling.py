"""What of an agent's turns is worth a record, and what must outlive a crash at once."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.domain import records
from supervisor.domain.actions import Cause
from supervisor.domain.events import HealthEvent, HeartbeatSeen, Held, Paused, Released, RestartFinished, Resumed
from supervisor.domain.health import Health


def key(agent: str, cause: Cause) -> str:
    """Return the key of an agent's incident."""
    return f"{agent}:{cause}"


def told(agent: str, event: HealthEvent, before: Health, after: Health, now: float) -> Iterator[records.Record]:
    """Yield the records of an event that changed the health from `before` to `after`."""
    match event:
        case HeartbeatSeen(beat):
            yield records.HeartbeatReceived(agent, beat.at, beat.kind.value, beat.seq, beat.incarnation)
            if beat.skew and not _skewed(before):
                yield records.ClockSkew(agent, beat.skew)
        case RestartFinished(_, ok, detail, code, stderr) if (attempt := before.attempt) is not None:
            record = records.RestartFinished if attempt.nth else records.AgentStarted
            yield record(agent, attempt.nth, ok, now - attempt.started, detail, code, list(stderr) or None)
        case Held(until, by, reason):
            yield records.AgentHeld(agent, by, until, reason or None)
        case Released(by):
            yield records.AgentReleased(agent, by)
        case Paused(until, by, reason):
            yield records.AgentPaused(agent, by, until, reason or None)
        case _:
            pass
    if before.held_until is not None and after.held_until is None and not isinstance(event, Released):
        yield records.AgentReleased(agent, "its end")
    if before.pause is not None and after.pause is None:
        yield records.AgentResumed(agent, event.by if isinstance(event, Resumed) else None)


def lasting(before: Health, after: Health) -> bool:
    """Whether the difference must outlive a crash at once. A plain heartbeat need not: it is on disk already."""
    return _lasting_part(before) != _lasting_part(after) or (after.beat is not before.beat and _skewed(after))


def _lasting_part(known: Health) -> tuple[object, ...]:
    return (
        known.state,
        known.misses,
        known.attempt,
        known.history,
        known.restart_at,
        known.held_until,
        known.pause,
        known.exhausted,
        known.deferred,
        known.errors,
        known.retired,
        known.causes,
        known.flapping.changes,
        [still.stuck for _, still in known.standstills],
    )


def _skewed(known: Health) -> bool:
    return known.beat is not None and known.beat.skew > 0
