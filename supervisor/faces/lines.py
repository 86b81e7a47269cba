"""One log record as JSON: the line on standard output and the journal's row. Pure."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import fields
from typing import Any

from structlog.processors import JSONRenderer

from supervisor.domain.records import Record
from supervisor.faces.documents import rfc3339, text

TIMES = frozenset({"at", "begins", "due", "until", "retry_at"})
"""Fields that hold a moment (s since the epoch): RFC 3339 on every line."""
LINE_LIMIT = 48 * 1024
"""Longest line (bytes) with its end; journald splits what is longer."""

_PRIORITY = {"debug": b"<7>", "info": b"<6>", "warning": b"<4>", "error": b"<3>"}
_render = JSONRenderer(serializer=json.dumps, separators=(",", ":"), default=repr)


def row_fields(record: Record) -> dict[str, Any]:
    """Return the record's JSON-ready fields for the journal, less `agent` and `incident`: they have columns there."""
    return {name: value for name, value in _fields(record, LINE_LIMIT).items() if name not in {"agent", "incident"}}


def line_fields(record: Record, at: float, limit: int = LINE_LIMIT) -> dict[str, Any]:
    """Return what the line of `record`, made at `at` (s since the epoch), says; `limit`: see `plain`."""
    stamp = {"timestamp": rfc3339(at), "level": record.LEVEL, "event": record.event()}
    return stamp | _fields(record, limit)


def json_line(record: Record, at: float) -> bytes:
    """Return the line of `record` without its end: ASCII, never over `LINE_LIMIT`."""
    limit = LINE_LIMIT
    while True:
        line = str(_render(None, record.LEVEL, line_fields(record, at, limit)))
        if len(line) <= LINE_LIMIT - len("<0>\n"):
            return line.encode()
        limit //= 2


def journald_line(record: Record, at: float) -> bytes:
    """Return the line as journald wants it: the priority in front."""
    return _PRIORITY[record.LEVEL] + json_line(record, at)


def plain(value: Any, limit: int) -> Any:
    """Return `value` so that every JSON reader takes it: no lone surrogates, no infinity.

    Text over `limit` characters and long lists are cut, and say so.
    """
    if isinstance(value, str):
        if len(value) <= limit:
            return text(value)
        return f"{text(value[:limit])}… ({len(value) - limit} characters cut)"
    if isinstance(value, list | tuple):
        most = max(limit // 64, 1)
        shown = [plain(item, limit // 16) for item in value[:most]]
        return shown if len(value) <= most else [*shown, f"… ({len(value) - most} cut)"]
    if isinstance(value, float) and not math.isfinite(value):
        return math.copysign(sys.float_info.max, value)
    return value


def _fields(record: Record, limit: int) -> dict[str, Any]:
    known = ((field.name, getattr(record, field.name)) for field in fields(record))
    return {
        name: rfc3339(value) if name in TIMES else plain(value, limit) for name, value in known if value is not None
    }
