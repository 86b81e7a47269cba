"""The JSON of what people and programs ask for: pure functions from a value to a JSON-ready document.

Times are RFC 3339 in UTC. Keys never come and go: what is not known is null. Cheap to import, for the commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from supervisor.domain import records
from supervisor.domain.account import Account
from supervisor.domain.activity import Activity
from supervisor.domain.delivery import Failed, Outcome
from supervisor.domain.docket import Kept
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.fleet import AgentView, Fleet, ScheduleView
from supervisor.domain.metrics import Latency, Metrics
from supervisor.domain.money import plain
from supervisor.domain.silences import Coverage, Silences
from supervisor.domain.totals import Tally, Totals
from supervisor.faces import answers
from supervisor.paths import Places
from supervisor.ports import Row

_LEVELS = {cls.event(): cls.LEVEL for cls in records.every()}


def rfc3339(at: float) -> str:
    """Return `at` (s since the epoch) as "2026-03-01T12:00:00.000000Z"; the calendar's ends for what is beyond them."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    except (ValueError, OverflowError, OSError):
        return "0001-01-01T00:00:00.000000Z" if at < 0 else "9999-12-31T23:59:59.999999Z"


def text(value: str) -> str:
    """Return `value` with what UTF-8 can not hold (lone surrogates, as in odd file names) written as escapes."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def agent_document(agent: AgentView) -> answers.Agent:
    """Return one agent's document."""
    beat = agent.beat
    return {
        "name": text(agent.name),
        "status": agent.status,
        "last_heartbeat": _time(agent.last_heartbeat),
        "consecutive_misses": agent.consecutive_misses,
        "restarts": agent.restarts,
        "errors": agent.errors,
        "reason": text(agent.reason),
        "modifiers": list(agent.modifiers),
        "since": rfc3339(agent.since),
        "due": _time(agent.due),
        "heartbeat_timeout": agent.heartbeat_timeout,
        "schedule": None if agent.schedule is None else _schedule(agent.schedule),
        "restart_at": _time(agent.restart_at),
        "activity": None if agent.activity is None else _activity(agent.activity),
        "held_until": _time(agent.held_until),
        "held_by": _text(agent.held_by),
        "held_reason": _text(agent.held_reason),
        "paused_by": None if agent.pause is None else text(agent.pause.by),
        "paused_until": None if agent.pause is None else _time(agent.pause.until),
        "paused_reason": None if agent.pause is None else _text(agent.pause.reason or None),
        "silenced_until": _time(agent.silenced_until),
        "incarnation": _text(agent.incarnation),
        "restarter": agent.restarter,
        "phase": None if beat is None else beat.phase,
        "pending": None if beat is None else beat.pending,
        "message": None if beat is None else _text(beat.message),
    }


def _activity(activity: Activity) -> answers.Activity:
    return {
        "path": text(activity.path),
        "last_written": _time(activity.at),
        "deferred_since": _time(activity.since),
    }


def _schedule(schedule: ScheduleView) -> answers.Schedule:
    return {
        "expression": schedule.expression,
        "time_zone": schedule.time_zone,
        "grace": schedule.grace,
        "next_run": rfc3339(schedule.next_run),
    }


def incident_document(incident: Incident, silences: Silences) -> answers.Incident:
    """Return one incident's document. `silences`: those of this moment."""
    over = None if incident.state is IncidentState.RESOLVED else silences.over(incident.key)
    return {
        "id": incident.id,
        "key": text(incident.key),
        "state": incident.state,
        "severity": incident.severity,
        "opened_at": rfc3339(incident.opened_at),
        "summary": text(incident.summary),
        "acked_by": _text(incident.acked_by),
        "acked_until": _time(incident.acked_until),
        "told": list(incident.told),
        "silenced": incident.silenced,
        "silenced_until": None if over is None else rfc3339(over.ends_at),
        "next_at": _time(incident.next_at),
        "resolved_at": _time(incident.resolved_at),
        "resolution": text(incident.resolution),
        "evidence": incident.evidence,
    }


def watches_document(places: Places, config: Path | None) -> dict[str, str | None]:
    """Return what a daemon looks at, with the configuration file that says so: by this a client knows it."""
    roots = {"cache": places.cache, "heartbeats": places.heartbeats, "state": places.state}
    return {"config": None if config is None else text(str(config))} | {k: text(str(root)) for k, root in roots.items()}


def fleet_document(fleet: Fleet, watches: Mapping[str, str | None]) -> answers.Fleet:
    """Return the document of everything, as `check` and `status` print it."""
    return {
        "status": fleet.status,
        "timestamp": rfc3339(fleet.at),
        "agents": [agent_document(agent) for agent in fleet.agents],
        "books": {**books_document(fleet.books), **_change(fleet.trend.change, fleet.trend.change_since)},
        "queues": queues_document(fleet.books, fleet.at),
        "incidents": [incident_document(incident, fleet.silences) for incident in fleet.incidents],
        "observed": fleet.observed,
        "doubts": list(fleet.doubts),
        "unregistered": [text(name) for name in fleet.unregistered],
        "dashboard_error": _text(fleet.page_error or None),
        **silences_document(fleet),
        "watches": dict(watches),
    }


def account_document(account: Account, now: float) -> answers.Account:
    """Return the documents of the books and of the queues, as `reconcile` prints them."""
    return {"books": books_document(account), "queues": queues_document(account, now)}


def books_document(account: Account) -> answers.Books:
    """Return the document of the books, findings gravest first. `consistent` is null where that is not known."""
    return {
        "consistent": account.consistent,
        "compared_at": _time(account.at),
        "files": account.files,
        "totals": _totals(account.totals),
        "findings": [finding_document(kept) for kept in account.gravest_first],
    }


def queues_document(account: Account, now: float) -> answers.Queues:
    """Return the document of the queues. `healthy` is null where that is not known."""
    return {
        "healthy": account.queues_healthy,
        "queues": {
            text(queue.name): {
                "depth": queue.depth,
                "oldest_seconds": None if queue.oldest is None else round(max(0.0, now - queue.oldest), 3),
            }
            for queue in account.queues
        },
    }


def metrics_document(metrics: Metrics) -> answers.Metrics:
    """Return the document of the figures over a window. Where there is no data there is null, never 0."""
    return {
        "timestamp": rfc3339(metrics.at),
        "window_seconds": metrics.window,
        "emails_sent": metrics.emails_sent,
        "payments_detected": metrics.payments_detected,
        "errors": metrics.errors,
        "payment_latency": None if metrics.latency is None else _latency(metrics.latency),
        "collected": None if metrics.collected is None else _tallies(metrics.collected),
        **_change(metrics.change, metrics.change_since),
    }


def finding_document(kept: Kept) -> answers.Finding:
    """Return one finding's document."""
    finding = kept.finding
    return {
        "id": kept.id,
        "check": finding.check,
        "severity": finding.severity,
        "state": kept.state,
        "file": text(finding.file),
        "line": finding.line,
        "invoice": _text(finding.invoice or None),
        "expected": _text(finding.expected or None),
        "found": _text(finding.found or None),
        "message": text(finding.message),
        "since": rfc3339(kept.since),
        "after_restart": kept.after_restart or None,
    }


def silences_document(fleet: Fleet) -> answers.Silences:
    """Return the documents of the silences, and of the windows of maintenance."""
    return {
        "silences": [silence_document(covered) for covered in fleet.covered],
        "maintenance": [
            {
                "name": planned.window.name,
                "matcher": text(planned.window.matcher),
                "comment": text(planned.window.comment),
                "schedule": planned.window.schedule,
                "time_zone": planned.window.time_zone,
                "duration": planned.window.duration,
                "open": any(one.silence.window == planned.window.name for one in fleet.covered),
                "next_at": _time(planned.next_at),
            }
            for planned in fleet.planned
        ],
    }


def silence_document(covered: Coverage) -> answers.Silence:
    """Return one silence's document."""
    silence = covered.silence
    return {
        "id": silence.id,
        "matcher": text(silence.matcher),
        "author": text(silence.author),
        "comment": text(silence.comment),
        "starts_at": rfc3339(silence.starts_at),
        "ends_at": rfc3339(silence.ends_at),
        "state": "active" if covered.runs else "pending",
        "window": silence.window or None,
        "matches": {"agents": covered.agents, "incidents": covered.incidents, "scopes": list(covered.scopes)},
    }


def row_document(row: Row) -> dict[str, Any]:
    """Return one kept log record as it was logged, with the journal's `id` in front."""
    document = {"id": row.id, "timestamp": rfc3339(row.at), "level": _LEVELS.get(row.event, "info"), "event": row.event}
    if row.agent is not None:
        document["agent"] = text(row.agent)
    if row.incident is not None:
        document["incident"] = row.incident
    return document | row.fields


def outcome_document(outcome: Outcome) -> answers.ChannelOutcome:
    """Return what a channel said to a test message."""
    if isinstance(outcome, Failed):
        return {"ok": False, "error": text(outcome.error), "permanent": outcome.permanent}
    return {"ok": True, "error": None, "permanent": False}


def _latency(latency: Latency) -> answers.Latency:
    return {
        "count": latency.count,
        "average_seconds": round(latency.average, 3),
        "p50_seconds": round(latency.p50, 3),
        "p90_seconds": round(latency.p90, 3),
        "p99_seconds": round(latency.p99, 3),
    }


def _change(change: Totals | None, since: float | None) -> answers.Change:
    return {"change": None if change is None else _totals(change), "change_since": _time(since)}


def _totals(totals: Totals) -> answers.StatusSums:
    return {status.value: _tallies(tallies) for status, tallies in totals.items()}


def _tallies(tallies: Mapping[str, Tally]) -> answers.Sums:
    return {
        currency: {"count": tally.count, "total": plain(tally.total, currency)} for currency, tally in tallies.items()
    }


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)


def _text(value: str | None) -> str | None:
    return None if value is None else text(value)
