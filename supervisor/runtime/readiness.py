"""What the service manager is told of our life: starting, ready, reloading, stopping, and one line on how it stands."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from supervisor.domain.vitals import HealthState
from supervisor.domain.words import count
from supervisor.ports import Watchdog

EXTENSION = 60.0
"""Each look at a start that goes on asks for so much more time (s)."""


class Readiness:
    """Speaks with the service manager, in the order that its protocol wants: nothing counts as a reload before READY=1.

    The state lines go out at once; the line on how it stands only when it has changed, with the watchdog's food.
    """

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        self._ready = False
        self._stopping = False
        self._refused = False
        self._status = ""

    @property
    def ready(self) -> bool:
        """Whether every agent is watched."""
        return self._ready

    def turned(self, hung: Sequence[str], standing: str) -> None:
        """Feed the watchdog where nothing is `hung`. A start that goes on, and does go on, is given more time."""
        if self._stopping:
            return
        fields: dict[str, str | int] = {}
        if not hung:
            fields["WATCHDOG"] = 1
            if not self._ready:
                fields["EXTEND_TIMEOUT_USEC"] = int(EXTENSION * 1e6)
        refused = "; the configuration on disk is refused" if self._refused else ""
        self._tell(f"hung: {', '.join(hung)}" if hung else f"{standing}{refused}", **fields)

    def began(self, standing: str) -> None:
        """Every agent is watched."""
        self._ready = True
        self._tell(standing, READY=1)

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """The configuration is read again: ready once more when it is in force, or refused and the old one stays."""
        told = self._ready and not self._stopping
        if told:
            monotonic = asyncio.get_running_loop().time()  # CLOCK_MONOTONIC, as systemd wants it
            self._watchdog.notify(RELOADING=1, MONOTONIC_USEC=int(monotonic * 1e6))
        try:
            yield
            self._refused = False
        except Exception:
            self._refused = True
            raise
        finally:
            if told and not self._stopping:
                self._watchdog.notify(READY=1)

    def stopping(self, why: str) -> None:
        """Say that the end has begun; nothing else is said after it."""
        self._stopping = True
        self._tell(f"stopping: {why}", STOPPING=1)

    def _tell(self, status: str, **fields: str | int) -> None:
        if status != self._status:
            self._status = fields["STATUS"] = status
        if fields:
            self._watchdog.notify(**fields)


def standing(states: Iterable[HealthState], incidents: int, reading: tuple[int, int] | None) -> str:
    """Return how it stands: "12 agents: 11 healthy, 1 escalated; 1 incident".

    `reading`: how many files of how many the first reading of the books has done.
    """
    counted = Counter(states)
    shares = ", ".join(f"{counted[state]} {state}" for state in HealthState if counted[state])
    parts = [
        f"{count(counted.total(), 'agent')}{': ' if shares else ''}{shares}",
        count(incidents, "incident") if incidents else "no incident",
        *([f"reading the books: {reading[0]} of {reading[1]} files"] if reading else []),
    ]
    return "; ".join(parts)
