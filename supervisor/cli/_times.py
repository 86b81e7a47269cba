"""Moments and lengths of time: as people type them, and as they read them."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from typing import Any

from supervisor.domain.words import span


def moment(value: Any) -> float:
    """Return an RFC 3339 text, or a number, as seconds since the epoch."""
    if isinstance(value, int | float):
        return float(value)
    at = datetime.fromisoformat(str(value))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def clock(value: Any) -> str:
    """Return the local time of day, with the date where it is not today's; "?" for what is no time."""
    try:
        at = datetime.fromtimestamp(moment(value)).astimezone()
    except (ValueError, OverflowError, OSError):
        return "?"
    today = at.date() == datetime.now().astimezone().date()
    return at.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def ago(value: Any, now: Any) -> str:
    """Return "3 min ago", "in 3 min" or "now"."""
    seconds = moment(now) - moment(value)
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def next_run(schedule: dict[str, Any], now: Any) -> str:
    """Return "next run expected at 12:30:00 (in 5 min, grace 15 min)"."""
    at = schedule["next_run"]
    return f"next run expected at {clock(at)} ({ago(at, now)}, grace {span(schedule['grace'])})"


def length(text: str) -> float:
    """Read a length of time such as 90s, 15m or 2h, for argparse; return seconds."""
    from supervisor.formats.duration import parse_duration  # noqa: PLC0415 - brings decimal

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not seconds:
        raise argparse.ArgumentTypeError("a length of time over 0 is needed")
    return seconds


def instant(text: str) -> str:
    """Read a moment such as 2026-12-01T02:00, for argparse; without a zone it is local. Return RFC 3339."""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f'{text!r} is no time, such as "2026-12-01T02:00"') from None


def since(text: str) -> float:
    """Read a moment, for argparse: a length of time before now, or an RFC 3339 time; return s since the epoch."""
    try:
        return time.time() - length(text)
    except argparse.ArgumentTypeError:
        pass
    try:
        return moment(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is neither a length of time, such as "2h", nor a time, such as "2026-03-01T12:00:00Z"'
        ) from None
