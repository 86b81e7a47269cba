"""Heartbeats as agents write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from supervisor.domain.events import Beat
from supervisor.formats.heartbeat import parse_lines

NOON = datetime(2026, 2, 11, 12, 0, 0, tzinfo=UTC).timestamp()


def line(**keys: Any) -> bytes:
    return json.dumps({"timestamp": "2026-02-11T12:00:00Z", **keys}).encode() + b"\n"


def one(data: bytes, received: float = NOON) -> Beat:
    parsed = parse_lines(data, received=received)
    assert parsed.bad == ()
    assert parsed.newest is not None
    return parsed.newest
