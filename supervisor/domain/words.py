"""Plain words for people."""

from __future__ import annotations

LINE_LIMIT = 300
"""Longest line that quotes somebody, in characters."""

_SHORT = 10
"""Below this many seconds, or minutes, people want to know more exactly."""

_LEAST = 0.05
"""What is less than this is no time at all."""


def span(seconds: float) -> str:
    """Return a length of time as people say it: "3 s", "15 min", "2 h 5 min", "3 d 4 h"."""
    if _LEAST <= seconds < _SHORT and seconds != int(seconds):
        return f"{seconds:.1f} s"
    minutes, secs = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {secs} s" if secs and minutes < _SHORT else f"{minutes} min"
    return f"{secs} s"


def count(number: int, noun: str) -> str:
    """Return "1 miss", "2 misses"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith('s') else 's'}"
