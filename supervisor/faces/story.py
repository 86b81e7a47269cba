"""What happened lately, for people: the kept log records that are worth their time, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from supervisor.faces.languages.language import Language
from supervisor.faces.sentences import sentence
from supervisor.ports import Row

_LONGEST = 240
_TONES = {
    "supervisor_started": "unknown",
    "supervisor_stopping": "stopped",
    "restart_started": "restarting",
    "restart_finished": "restarting",
    "restart_refused": "unknown",
    "agent_exited": "unhealthy",
    "agent_held": "stopped",
    "agent_released": "healthy",
    "agent_paused": "stopped",
    "agent_resumed": "unknown",
    "agent_forgotten": "stopped",
    "drill_started": "unknown",
    "finding_opened": "unhealthy",
    "finding_closed": "healthy",
    "incident_opened": "escalated",
    "incident_acknowledged": "restarting",
    "incident_resolved": "healthy",
    "notification_failed": "unhealthy",
    "silence_added": "stopped",
    "silence_ended": "unknown",
    "maintenance_started": "stopped",
    "maintenance_ended": "unknown",
    "config_reloaded": "unknown",
    "config_rejected": "unhealthy",
    "watch_lost": "unhealthy",
    "watch_restored": "healthy",
    "gate_closed": "unknown",
    "gate_opened": "healthy",
    "service_failed": "unhealthy",
}
EVENTS = frozenset({*_TONES, "health_changed"})
"""The records that are told."""

_STATES = {"unknown", "healthy", "unhealthy", "restarting", "escalated", "stopped"}


@dataclass(frozen=True, slots=True)
class Line:
    """What happened `at` (s since the epoch). `tone`: the state whose icon it wears. `who`: an agent, or empty."""

    at: float
    tone: str
    who: str
    text: str


def tell(history: Sequence[Row], most: int, speech: Language) -> list[Line]:
    """Return the newest `most` things worth telling, newest first; `history` is oldest first."""
    found: list[Line] = []
    for row in reversed(history):
        tone = _tone(row)
        if tone is not None:
            said = sentence(row.event, row.fields | {"incident": row.incident}, _clock)
            found.append(Line(row.at, tone, row.agent or "", speech.tell(said[:_LONGEST])))
            if len(found) == most:
                break
    return found


def _tone(row: Row) -> str | None:
    if row.event != "health_changed":
        return _TONES.get(row.event)
    new = row.fields.get("new")
    return str(new) if new in _STATES else "unknown"


def _clock(moment: Any) -> str:
    """Return the time of day of a kept record's moment (RFC 3339)."""
    return f"{moment[11:19]} UTC" if isinstance(moment, str) else "?"
