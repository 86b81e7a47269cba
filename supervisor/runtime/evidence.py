"""What a decision about an agent rested on."""

from __future__ import annotations

from typing import Any

from supervisor.domain import attempts
from supervisor.domain.attempts import Attempt
from supervisor.domain.health import Health
from supervisor.domain.messages import utc


def tried(before: Health, after: Health) -> Attempt | None:
    """Return the last restart for the trouble that an event changed from `before` to `after`; None where none was.

    One that begins just now has nothing to tell; the one before it has. One for an earlier trouble, that is over, is
    none for this.
    """
    if before.attempt is None or before.attempt.closed:
        return None
    return before.attempt if after.restarting else after.attempt


def evidence(known: Health, reason: str, attempt: Attempt | None) -> dict[str, Any]:
    """Return what a decision about an agent rested on, JSON-ready. What the agent wrote is data, not text.

    `reason` is that of the decision, `attempt` the last restart that was tried.
    """
    beat = known.beat
    told: dict[str, Any] = {
        "reason": reason,
        "consecutive_misses": known.misses,
        "restarts": known.restarts,
        "next_restart": None if known.restart_at is None else utc(known.restart_at),
        "restarts_exhausted": known.exhausted,
        "last_heartbeat": None if beat is None else utc(beat.at),
    }
    if beat is not None:
        said = {"kind": beat.kind.value, "incarnation": beat.incarnation, "pid": beat.pid, "message": beat.message}
        told["agent_said"] = {key: value for key, value in said.items() if value is not None}
    work = known.progress
    if work.nudged:
        flat_since = None if work.since is None else utc(work.since)
        told["progress"] = {"seq": work.seq, "pending": work.pending, "flat_since": flat_since}
    if known.activity.since is not None and known.activity.at is not None:
        told["activity"] = {
            "path": known.activity.path,
            "last_written": utc(known.activity.at),
            "restart_deferred_since": utc(known.activity.since),
        }
    if known.loop.nudged:
        note = None if beat is None else beat.progress_note
        told["loop"] = {"heartbeats": len(known.loop.works), "works_by_turns": known.loop.period, "last_note": note}
    if known.postcondition.nudged:
        told["postcondition"] = [
            {
                "path": one.path,
                "newer_than_seconds": one.newer_than,
                "last_written": None if one.newest is None else utc(one.newest),
            }
            for one in known.postcondition.outcomes
        ]
    if known.flapping.on:
        told["flapping"] = {"percent": round(100 * known.flapping.share), "changes": known.flapping.changes.bit_count()}
    if known.burn.over:
        told["last_hour"] = {"cost": f"{known.burn.hourly_cost:f}", "tokens": known.burn.hourly_tokens}
    if attempt is not None:
        told["last_restart"] = {
            "attempt": attempt.nth,
            "started": utc(attempt.started),
            "ended": None if attempt.ended is None else utc(attempt.ended),
            "ok": attempt.ok,
            "detail": attempt.detail,
            "exit_code": attempt.exit_code,
            "stderr": list(attempt.stderr),
            "heartbeat_followed": _followed(known, attempt),
        }
    return told


def _followed(known: Health, attempt: Attempt) -> bool:
    """Whether the life that `attempt` began has been heard of."""
    return attempt.ended is not None and known.beat is not None and not attempts.is_old_life(attempt, known.beat)
