"""Silences: for a time, and for a written reason, nobody is notified of what matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from supervisor.domain.actions import Cause
from supervisor.domain.escalation import Incident
from supervisor.domain.maintenance import Window
from supervisor.domain.messages import SCOPES

CONFIGURED = "config"
"""The author of the silences that a window of maintenance opens."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Incidents whose key matches are recorded and shown, but not sent, until `ends_at`.

    Args:
        matcher: shell patterns, with spaces between them, for the incident's key ("payment-*", "books:*"), or for the
            agent's name. One of them must match.
        starts_at, ends_at: s since the epoch.
        window: the name of the window of maintenance that it is; empty where a person added it.
    """

    id: str
    matcher: str
    author: str
    comment: str
    starts_at: float
    ends_at: float
    window: str = ""

    def matches(self, key: str) -> bool:
        """Whether the incident `key` ("agent:cause") falls under this silence."""
        subject = key.partition(":")[0]
        return any(fnmatchcase(key, one) or fnmatchcase(subject, one) for one in self.matcher.split())

    def runs(self, now: float) -> bool:
        """Whether it has begun and is not over."""
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Coverage:
    """A silence, and what falls under it now.

    Args:
        runs: it has begun; what falls under one that has not is not silenced yet.
        agents, incidents: how many agents, and how many open incidents.
        scopes: which of the supervisor's own subjects ("books", ...).
    """

    silence: Silence
    runs: bool
    agents: int
    incidents: int
    scopes: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether it matches nothing that is watched now: it may be mistyped."""
        return not (self.agents or self.incidents or self.scopes)


@dataclass(frozen=True, slots=True)
class Silences:
    """Those that run or are to come at one moment (`at`, s since the epoch), and the windows of maintenance."""

    at: float
    kept: tuple[Silence, ...] = ()
    windows: tuple[Window, ...] = ()

    def over(self, key: str) -> Silence | None:
        """Return the silence under which the incident `key` falls; of several the one that ends last."""
        found = [one for one in self.kept if one.runs(self.at) and one.matches(key)]
        return max(found, key=lambda one: one.ends_at, default=None)


NO_SILENCES = Silences(0.0)


def coverage(silence: Silence, agents: Iterable[str], incidents: Iterable[Incident], now: float) -> Coverage:
    """Return the silence with what of these agents and open incidents falls under it at `now`."""
    return Coverage(
        silence,
        silence.runs(now),
        sum(any(silence.matches(f"{agent}:{cause}") for cause in Cause) for agent in agents),
        sum(silence.matches(incident.key) for incident in incidents),
        tuple(scope for scope in sorted(SCOPES) if _reaches(silence, scope)),
    )


def _reaches(silence: Silence, scope: str) -> bool:
    """Whether it could match an incident of `scope`: which causes those have is not known beforehand."""
    return any(fnmatchcase(scope, one.partition(":")[0]) for one in silence.matcher.split())


def shifted(silence: Silence, seconds: float, now: float) -> Silence:
    """Return the silence after the clock was set by `seconds` to `now`: what runs has as long to go as before.

    A window of maintenance follows the calendar instead, and so does what was to begin at a time on the wall.
    """
    if silence.window or silence.starts_at > now - seconds:
        return silence
    return replace(silence, starts_at=silence.starts_at + seconds, ends_at=silence.ends_at + seconds)
