"""Kept log records as sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from supervisor.domain.health import HealthState
from supervisor.domain.words import span
from supervisor.ports import Row

_LONGEST = 240


@dataclass(frozen=True, slots=True)
class Line:
    """What happened `at` (s since the epoch). `tone`: the state whose icon it wears. `who`: an agent, or empty."""

    at: float
    tone: str
    who: str
    text: str


_STATES = frozenset(HealthState)
_SENTENCES = {
    "supervisor_started": ("unknown", "the supervisor started{absent}"),
    "supervisor_stopping": ("stopped", "the supervisor stops: {reason}"),
    "health_changed": ("", "{old} → {new}: {reason}"),
    "restart_started": ("restarting", "restart {attempt} started: {reason}"),
    "restart_finished": ("restarting", "restart {attempt} {ok}{detail}"),
    "restart_refused": ("unknown", "restart not started: {reason}"),
    "agent_exited": ("unhealthy", "the process ended{exit_code}"),
    "agent_held": ("stopped", "held by {by}"),
    "agent_released": ("healthy", "released by {by}"),
    "incident_opened": ("escalated", "incident {incident} opened: {summary}"),
    "incident_acknowledged": ("restarting", "incident {incident} acknowledged by {by}"),
    "incident_resolved": ("healthy", "incident {incident} resolved after {seconds}: {summary}"),
    "notification_failed": ("unhealthy", "{channel} was not told of incident {incident}: {error}"),
    "config_reloaded": ("unknown", "a changed configuration is in force"),
    "config_rejected": ("unhealthy", "a changed configuration was refused: {error}"),
    "watch_lost": ("unhealthy", "{path} is not observed: {reason}"),
    "watch_restored": ("healthy", "{path} is observed again"),
    "gate_closed": ("unknown", "decisions wait: {reason}"),
    "gate_opened": ("healthy", "decisions are taken again, after {seconds}"),
    "service_failed": ("unhealthy", "the service {service} failed: {error}"),
}


def tell(history: Sequence[Row], most: int) -> list[Line]:
    """Return the newest `most` things worth a person's time, newest first."""
    found: list[Line] = []
    for row in reversed(history):
        if row.event in _SENTENCES:
            found.append(_line(row))
            if len(found) == most:
                break
    return found


def _line(row: Row) -> Line:
    tone, sentence = _SENTENCES[row.event]
    text = sentence.format_map(_Said(_said(row)))
    new = str(row.fields.get("new"))
    return Line(row.at, tone or (new if new in _STATES else "unknown"), row.agent or "", text[:_LONGEST])


class _Said(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _said(row: Row) -> dict[str, Any]:
    """Return the record's fields as words."""
    said = row.fields | {"incident": row.incident}
    absent, seconds, code = said.get("absent"), said.get("seconds"), said.get("exit_code")
    said["absent"] = f" after {span(absent)} away" if isinstance(absent, int | float) else ""
    said["seconds"] = span(seconds) if isinstance(seconds, int | float) else "?"
    said["exit_code"] = "" if code is None else f" with exit code {code}"
    said["ok"] = "done, first heartbeat awaited" if said.get("ok") else "failed"
    said["detail"] = f": {said['detail']}" if said.get("detail") else ""
    return said
