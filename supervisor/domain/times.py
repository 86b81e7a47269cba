"""Moments (s since the epoch) that may be missing, and how they are written."""

from __future__ import annotations

from datetime import UTC, datetime


def moved(at: float | None, seconds: float) -> float | None:
    """Return the moment `at` moved by `seconds`; what is missing stays so."""
    return None if at is None else at + seconds


def minute(at: float) -> str:
    """Return `at` for people, to the minute: "2026-03-01 12:00 UTC"."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def second(at: float) -> str:
    """Return `at` for people, to the second: "2026-03-01 12:00:00 UTC"."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
