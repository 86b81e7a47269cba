"""A kept log record as one plain sentence. Light: the commands import it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from supervisor.domain.words import count, span

_SENTENCES = {
    "supervisor_started": "the supervisor started{absent}",
    "supervisor_ready": "the supervisor is ready after {seconds}",
    "supervisor_stopping": "the supervisor stops: {reason}",
    "service_failed": "the service {service} failed and is started again: {error}",
    "journal_restored": "the journal is written again: {note}",
    "config_reloaded": "a changed configuration is in force: {changes}",
    "config_rejected": "a changed configuration was refused: {error}",
    "agent_log": "the agent says: {message}",
    "heartbeat_invalid": "a heartbeat can not be understood ({file}{line}): {error}",
    "clock_skew": "a heartbeat is dated {ahead} in the future",
    "heartbeat_missed": "missed {misses}, due at {due}: {reason}",
    "health_changed": "{old} → {new}: {reason}",
    "unregistered_agent": "heartbeats of an agent that is not configured ({file})",
    "agent_forgotten": "watched no more: {reason}",
    "restart_started": "restart started ({kind}): {reason}",
    "restart_finished": "restart {ok} after {seconds}{detail}",
    "restart_refused": "restart not started: {word}{until}{detail}",
    "agent_started": "its start {ok} after {seconds}{detail}",
    "agent_adopted": "the copy that an earlier supervisor started lives on: adopted",
    "agent_exited": "its process ended{detail}",
    "agent_held": "restarts held by {by}{until}{why}",
    "agent_released": "restarts released by {by}",
    "agent_paused": "paused by {by}{until}{why}",
    "agent_resumed": "the pause is over{whose}",
    "incident_opened": "incident {incident} opened ({severity}): {summary}",
    "escalation_triggered": "incident {incident}: {channel} is to be told ({kind})",
    "incident_acknowledged": "incident {incident} acknowledged by {by}{until}",
    "incident_resolved": "incident {incident} resolved after {seconds}: {summary}",
    "notification_sent": "incident {incident}: {channel} was told ({kind}, {attempts})",
    "notification_failed": "incident {incident}: {channel} was not told ({kind}): {error}; {retry}",
    "silence_added": "{matcher} silenced by {author}{begins}{until}: {comment}",
    "silence_ended": "the silence of {matcher} is over",
    "maintenance_started": "maintenance {window} has begun{until}, {matcher} silenced: {comment}",
    "maintenance_ended": "maintenance {window} is over",
    "watch_lost": "{path} is not observed: {reason}",
    "watch_restored": "{path} is observed again, by {means}",
    "gate_closed": "decisions wait: {word}",
    "gate_opened": "decisions are taken again, after {seconds}",
    "drill_started": "a drill by {by} begins: this is no real agent",
    "finding_opened": "{check}: {message}{after} ({file}{line})",
    "finding_closed": "{check}: it agrees again after {seconds} ({file})",
    "books_totals": "the books: {sums}",
    "textfile_failed": "the metrics could not be written to {file}: {error}",
    "ping_failed": "the service that expects pings could not be told that the supervisor lives: {error}",
    "ping_restored": "the service that expects pings hears them again after {seconds}",
    "dashboard_failed": "the dashboard could not be written to {file}: {error}",
}


def sentence(event: str, fields: Mapping[str, Any], clock: Callable[[Any], str]) -> str:
    """Return what the record `event` with these fields says; `clock` writes a moment as its reader wants it."""
    template = _SENTENCES.get(event)
    if template is None:
        known = ", ".join(f"{key} {value}" for key, value in fields.items() if value not in (None, "", []))
        return f"{event.replace('_', ' ')}: {known}" if known else event.replace("_", " ")
    return template.format_map(_Said(_said(fields, clock)))


class _Said(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _said(fields: Mapping[str, Any], clock: Callable[[Any], str]) -> dict[str, Any]:
    """Return the fields as words; an optional one with the words that join it to the sentence, or nothing."""
    said = dict(fields)
    for key in ("seconds", "ahead"):
        if isinstance(length := fields.get(key), int | float):
            said[key] = span(length)
    absent, retry, attempts = fields.get("absent"), fields.get("retry_at"), fields.get("attempts")
    said["absent"] = f" after {span(absent)} away" if isinstance(absent, int | float) else ""
    said["word"] = str(fields.get("reason", "?")).replace("_", " ")
    said["ok"] = "done" if fields.get("ok") else "failed"
    code = fields.get("exit_code")
    said["detail"] = _joined(": ", fields.get("detail") or (None if code is None else f"exit code {code}"))
    said["after"] = _joined("; left by ", fields.get("after"))
    said["sums"] = ", ".join(map(str, fields.get("totals") or ["no invoice"]))
    said["line"] = _joined(", line ", fields.get("line"))
    said["until"] = "" if fields.get("until") is None else f" until {clock(fields['until'])}"
    said["begins"] = "" if fields.get("begins") is None else f" from {clock(fields['begins'])}"
    said["whose"] = _joined(", resumed by ", fields.get("by"))
    said["why"] = _joined(": ", fields.get("reason"))
    said["due"] = clock(fields.get("due"))
    said["retry"] = "it is not tried again" if retry is None else f"tried again at {clock(retry)}"
    said["misses"] = _counted(fields.get("consecutive_misses"), "heartbeat")
    said["attempts"] = _counted(attempts, "try", "tries")
    changes = (f"{key} {', '.join(map(str, fields.get(key) or []))}" for key in ("added", "changed", "removed"))
    said["changes"] = "; ".join(change for change in changes if not change.endswith(" ")) or "the same agents"
    return said


def _joined(words: str, value: Any) -> str:
    return "" if value in (None, "") else f"{words}{value}"


def _counted(number: Any, noun: str, plural: str | None = None) -> str:
    if not isinstance(number, int):
        return f"? {noun}"
    return f"{number} {plural}" if plural and number != 1 else count(number, noun)
