"""Silences: for a time, and for a written reason, nobody is notified of what matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Silence:
    """Incidents whose key matches are recorded and shown, but not sent, until `ends_at`.

    Args:
        matcher: a shell pattern for the incident's key ("payment-*", "books:*"), or for the agent's name.
        starts_at, ends_at: s since the epoch.
    """

    id: str
    matcher: str
    author: str
    comment: str
    starts_at: float
    ends_at: float

    def matches(self, key: str) -> bool:
        """Whether the incident `key` ("agent:cause") falls under this silence."""
        return fnmatchcase(key, self.matcher) or fnmatchcase(key.partition(":")[0], self.matcher)


def silenced_until(silences: Iterable[Silence], key: str, now: float) -> float | None:
    """Return when `key` may be heard again, None where nothing silences it at `now`."""
    ends = [s.ends_at for s in silences if s.starts_at <= now < s.ends_at and s.matches(key)]
    return max(ends, default=None)


def shifted(silence: Silence, seconds: float) -> Silence:
    """Return the silence after the clock was set by `seconds`."""
    return replace(silence, starts_at=silence.starts_at + seconds, ends_at=silence.ends_at + seconds)
