"""Lengths of time as people write them, such as `90s`, `15m` or `1h30m`, and as seconds."""

from __future__ import annotations

import re
from decimal import Decimal

_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"

DURATION_PATTERN = r"^(?=[0-9])" + "".join(rf"(?:{_NUMBER}{unit})?" for unit in _MILLISECONDS) + "$"
"""A regular expression of what `parse_duration` takes, in the dialect of JSON Schema."""

_WHOLE = re.compile(DURATION_PATTERN)
_PART = re.compile(rf"({_NUMBER})(ms|[dhms])")


def parse_duration(text: str) -> float:
    """Return the seconds that `text` means. The units are d, h, m, s and ms, the greater first.

    Raises ValueError, which says what was expected.
    """
    if text.endswith("\n") or not _WHOLE.match(text):
        raise ValueError(f'{text!r} is not a duration: write a number and a unit, such as "90s", "15m" or "1h30m"')
    return float(sum(Decimal(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(text)) / 1000)


def format_duration(seconds: float) -> str:
    """Return `seconds` (not negative, rounded to milliseconds) as `parse_duration` reads it: `1h30m`."""
    left = round(seconds * 1000)
    if left < 0:
        raise ValueError(f"a duration is not negative: {seconds}")
    parts = []
    for unit, size in _MILLISECONDS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
