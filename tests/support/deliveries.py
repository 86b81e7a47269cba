"""Notifications as the outbox hands them to channels."""

from __future__ import annotations

from typing import Any

from supervisor.domain.delivery import Delivery, Failed, NoticeKind, Outcome


def delivery(id_: str = "INC-1.1.ops", kind: NoticeKind = NoticeKind.TRIGGERED, **message: Any) -> Delivery:
    """Return an escalation; `message` adds to what it says, or replaces it."""
    text = {
        "type": "AGENT_ESCALATION",
        "incident": "INC-1",
        "key": "payment-watcher:heartbeat",
        "severity": "critical",
        "opened_at": "2026-02-11T11:59:00.000000Z",
        "agent": "payment-watcher",
        "missed_heartbeats": 2,
        "timestamp": "2026-02-11T12:00:00.000000Z",
        "summary": "no heartbeat for 75 min",
        "action_required": "look: `collections-supervisor why payment-watcher`",
        "evidence": {"consecutive_misses": 2},
    }
    return Delivery(id_, "INC-1", "ops", kind, {**text, **message}, 0.0, 0.0)


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed)
    return outcome
