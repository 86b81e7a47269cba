"""What a decision about an agent rested on."""

from __future__ import annotations

from typing import Any

from supervisor.domain.attempts import Attempt
from supervisor.domain.health import Health
from supervisor.domain.messages import utc


def evidence(known: Health, attempt: Attempt | None) -> dict[str, Any]:
    """Return what a decision about an agent rested on, JSON-ready. What the agent wrote is data, not text.

    `attempt` is the last restart that has ended.
    """
    beat = known.beat
    told: dict[str, Any] = {
        "reason": known.reason,
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
        }
    return told
