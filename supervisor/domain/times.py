"""Moments that may be missing."""

from __future__ import annotations


def moved(at: float | None, seconds: float) -> float | None:
    """Return the moment `at` moved by `seconds`; what is missing stays so."""
    return None if at is None else at + seconds
