"""What a notification says: plain, short, and with the command to type next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import NoticeKind
from supervisor.domain.escalation import Incident

SCOPES = frozenset({"books", "fleet", "supervisor"})
"""Subjects of incidents that are no agents."""

_LOOKS = {"books": "reconcile"}


def utc(at: float) -> str:
    """Return `at` (s since the epoch) as RFC 3339 in UTC, to the microsecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def message(incident: Incident, kind: NoticeKind, now: float) -> dict[str, Any]:
    """Return the notification of `incident` as channels send it.

    What an agent wrote stands in `evidence` only, as data.
    """
    is_agent = incident.subject not in SCOPES
    over = kind is NoticeKind.RESOLVED
    name = "AGENT" if is_agent else incident.subject.upper()
    text: dict[str, Any] = {
        "type": f"{name}_{'RESOLVED' if over else 'ESCALATION'}",
        "incident": incident.id,
        "key": incident.key,
        "kind": kind.value,
        "severity": incident.severity.value,
        "summary": incident.resolution if over else incident.summary,
        "opened_at": utc(incident.opened_at),
        "timestamp": utc(now),
        "action_required": "none: it is over" if over else _action(incident, is_agent),
        "evidence": incident.evidence,
    }
    if is_agent:
        text["agent"] = incident.subject
        text["missed_heartbeats"] = incident.evidence.get("consecutive_misses", 0)
    return text


def _action(incident: Incident, is_agent: bool) -> str:
    words = f"why {incident.subject}" if is_agent else _LOOKS.get(incident.subject, "status")
    look = f"collections-supervisor {words}"
    return f"look: `{look}`; take it on: `collections-supervisor ack {incident.id}`"


def test_message(channel: str, by: str, now: float) -> dict[str, Any]:
    """Return the message of `test-notify`."""
    return {
        "type": "SUPERVISOR_TEST",
        "summary": f"a test of channel {channel}, asked for by {by}",
        "timestamp": utc(now),
        "action_required": "none: this is a test",
    }


def unit_message(
    unit: str, result: str, ended: str, journal: Sequence[str], now: float, *, user: bool, wrong: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the message of `alert`: systemd says that `unit` has failed, and nobody of ours watches.

    `result` is systemd's word for it ("exit-code"), `ended` says how its process ended ("exit status 64"), `journal` is
    its last lines: what a program wrote is data. `user`: the unit is one of the user's own systemd. `wrong`: what the
    supervisor's configuration has wrong.
    """
    flag, journal_flag = ("--user ", "--user-unit") if user else ("", "-u")
    return {
        "type": "SUPERVISOR_ESCALATION",
        "incident": f"unit:{unit}",
        "key": "supervisor:unit_failed",
        "kind": NoticeKind.TRIGGERED.value,
        "severity": Severity.CRITICAL.value,
        "summary": f"{unit} has failed: {result}, {ended}",
        "opened_at": utc(now),
        "timestamp": utc(now),
        "action_required": f"look: `systemctl {flag}status {unit}`; read on: `journalctl {journal_flag} {unit}`",
        "evidence": {"unit": unit, "result": result, "ended": ended, "journal": list(journal)}
        | ({"configuration": list(wrong)} if wrong else {}),
    }
