"""What a notification says to people, and what others answered: plain text, whatever an agent or a server wrote.

What an agent wrote is quoted: each line on its own, without characters that a terminal or a mail program would obey,
and no more of it than a person reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.words import LINE_LIMIT

SHOWN = 500
"""Bytes of a program's or a server's words that an error quotes."""

TITLE_LIMIT = 150
"""Longest title, in characters."""

_SEEN = 8  # times the limit: so much of a long text is looked at
_FINDINGS = 5
_LINES = 20


def shown(data: bytes) -> str:
    """Return the end of `data` on one line, without characters that a terminal would obey."""
    return one_line(data[-SHOWN:].decode("utf-8", "replace"))


def one_line(value: Any, limit: int | None = None) -> str:
    """Return `value` on one printable line, of `limit` characters at the most."""
    raw = str(value)
    text = " ".join((raw if limit is None else raw[: _SEEN * limit]).split())
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def printable(value: Any) -> Any:
    """Return JSON-ready `value` with every text in it on one printable line."""
    match value:
        case str():
            return one_line(value, LINE_LIMIT)
        case Mapping():
            return {one_line(key, LINE_LIMIT): printable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [printable(inner) for inner in value]
        case _:
            return value


def title(delivery: Delivery) -> str:
    """Return one line that begins with what it is: "[CRITICAL] payment-watcher: no heartbeat for 1 h"."""
    return one_line(f"[{_what(delivery)}] {_headline(delivery.message)}", TITLE_LIMIT)


def text(delivery: Delivery) -> str:
    """Return what happened, since when, what was tried, and the command to type next, a few lines each."""
    message = printable(delivery.message)
    parts = [
        _headline(message),
        "\n".join(_facts(message)),
        "\n".join(_members(message)),
        *_quotes(message),
        f"-- \nNotice {one_line(delivery.id)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(delivery: Delivery) -> str:
    if delivery.kind in {NoticeKind.RESOLVED, NoticeKind.TEST}:
        return delivery.kind.value.upper()
    return str(delivery.message.get("severity", "alert")).upper()


def _headline(message: Mapping[str, Any]) -> str:
    subject = message.get("agent") or str(message.get("key", "")).partition(":")[0]
    summary = message.get("summary", "")
    return f"{subject}: {summary}" if subject else str(summary)


def _facts(message: Mapping[str, Any]) -> Iterator[str]:
    evidence = _table(message.get("evidence"))
    if "opened_at" in message:
        yield f"Since: {_moment(message['opened_at'])}"
    if "agent" in message and "last_heartbeat" in evidence:
        yield f"Last heartbeat: {_moment(evidence['last_heartbeat'] or 'none')}"
    if "agent" in message:
        yield f"Tried: {_tried(evidence)}"
    if causes := _table(_table(message.get("counts")).get("cause")):
        yield f"Causes: {', '.join(f'{number} {cause}' for cause, number in causes.items())}"
    first, *further = str(message.get("action_required", "")).split("; ")
    yield f"To do: {first}"
    yield from (f"       {step}" for step in further)
    if "ack_url" in message:
        yield f"       or here: {message['ack_url']}"


def _members(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield the incidents of a group, a line each, and how many more there are."""
    incidents = message.get("incidents")
    for one in incidents if isinstance(incidents, list) else ():
        over = one["kind"] == NoticeKind.RESOLVED
        what = "RESOLVED" if over else str(one["severity"]).upper()
        subject = str(one["key"]).partition(":")[0]
        yield f"{what} {subject}: {one['summary']} ({one['incident']}, since {_moment(one['opened_at'])})"
    if message.get("more"):
        yield f"and {message['more']} more"


def _tried(evidence: Mapping[str, Any]) -> str:
    last = _table(evidence.get("last_restart"))
    if not last:
        return "no restart"
    spent = "; the restarts are spent" if evidence.get("restarts_exhausted") else ""
    name = f"restart {last['attempt']}" if last.get("attempt") else "its start"
    return f"{name} at {_moment(last.get('started'))}: {_came_of(last)}{spent}"


def _came_of(restart: Mapping[str, Any]) -> str:
    if "ended" in restart and restart["ended"] is None:
        return "it is under way"
    followed = bool(restart.get("heartbeat_followed"))
    if restart.get("ok"):
        return "a heartbeat followed" if followed else "no heartbeat followed"
    return f"{restart.get('detail') or 'it failed'}{'; a heartbeat followed' if followed else ''}"


def _quotes(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield what others wrote, and what the books say, a line each behind a ">"."""
    evidence = _table(message.get("evidence"))
    said = _table(evidence.get("agent_said")).get("message")
    if said:
        yield _quoted("The agent wrote:", [said])
    stderr = _table(evidence.get("last_restart")).get("stderr")
    if isinstance(stderr, list) and stderr:
        yield _quoted("The end of the restart's standard error:", stderr[-_LINES:])
    journal = evidence.get("journal")
    if isinstance(journal, list) and journal:
        yield _quoted("The end of its journal:", journal[-_LINES:])
    wrong = evidence.get("configuration")
    if isinstance(wrong, list) and wrong:
        yield _quoted("Wrong in the supervisor's configuration:", wrong[:_LINES])
    findings = evidence.get("findings")
    if isinstance(findings, list) and findings:
        yield _quoted("Found:", [_finding(_table(one)) for one in findings[:_FINDINGS]])
    doubts = evidence.get("doubts")
    if isinstance(doubts, list) and doubts:
        yield _quoted("Doubted:", doubts)


def _finding(finding: Mapping[str, Any]) -> str:
    place = ":".join(str(finding[key]) for key in ("file", "line") if key in finding)
    figures = ", ".join(f"{key} {finding[key]}" for key in ("expected", "found") if key in finding)
    return " ".join(part for part in (place, str(finding.get("message", "")), figures and f"({figures})") if part)


def _quoted(heading: str, lines: list[Any]) -> str:
    return "\n".join([heading, *(f"> {line}" for line in lines)])


def _moment(value: Any) -> str:
    """Return "2026-05-28T20:26:40.000000Z" as "2026-05-28 20:26:40 UTC"; what is no such time stays as it is."""
    text = str(value)
    return f"{text[:10]} {text[11:19]} UTC" if text[10:11] == "T" and text.endswith("Z") else text


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
