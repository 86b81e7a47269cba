"""Fleets and rows for pages, each always the same."""

from __future__ import annotations

from supervisor.domain.escalation import Incident
from supervisor.domain.fleet import AgentView, Fleet, overall
from supervisor.domain.health import HealthState
from supervisor.domain.metrics import Metrics
from supervisor.faces.dashboard import render
from supervisor.faces.languages.language import ENGLISH, Language
from supervisor.ports import Row

NOW = 1_771_336_991.0  # 2026-02-17 14:03:11 UTC
HOUR = 3600.0


def agent(name: str, status: HealthState = HealthState.HEALTHY, **more: object) -> AgentView:
    known: dict[str, object] = {
        "name": name,
        "status": status,
        "last_heartbeat": NOW - 200,
        "consecutive_misses": 0,
        "restarts": 0,
        "errors": 0,
        "reason": "heartbeat in time",
        "modifiers": (),
        "since": NOW - 90 * HOUR,
        "due": NOW - 200 + HOUR,
        "heartbeat_timeout": HOUR,
        "restart_at": None,
        "held_until": None,
        "incarnation": None,
        "beat": None,
        "restarter": "command",
    }
    return AgentView(**(known | more))  # type: ignore[arg-type]


def fleet(agents: tuple[AgentView, ...], incidents: tuple[Incident, ...] = (), **more: object) -> Fleet:
    observed = bool(more.get("observed", True))
    return Fleet(NOW, overall(agents, incidents, observed=observed), agents, incidents, **more)  # type: ignore[arg-type]


def page(
    fleet_: Fleet, history: tuple[Row, ...] = (), figures: Metrics | None = None, speech: Language = ENGLISH
) -> bytes:
    return render(fleet_, history, figures, now=NOW, next_due=NOW + HOUR, stale_after=2 * HOUR, speech=speech)


def changed(hours_ago: float, name: str, old: str, new: str, reason: str) -> Row:
    return Row(NOW - hours_ago * HOUR, "health_changed", name, None, {"old": old, "new": new, "reason": reason})
