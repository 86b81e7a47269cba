"""Keys that wait until nothing more has come for a while: each once, and none for ever."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")


class Debounce(Generic[K]):
    """Gathers keys. Times: seconds on one steady clock.

    Args:
        quiet: they are due once no further one has come for so long (s),
        quiet_max: and at the latest so long (s) after the first.
    """

    def __init__(self, quiet: float, quiet_max: float) -> None:
        self.quiet = quiet
        self.quiet_max = quiet_max
        self._keys: set[K] = set()
        self._first = self._last = 0.0

    def add(self, key: K, now: float) -> None:
        """Gather one more key; one that waits already only keeps the others waiting."""
        if not self._keys:
            self._first = now
        self._keys.add(key)
        self._last = now

    @property
    def due(self) -> float | None:
        """When they are to be taken, None where there are none."""
        return min(self._last + self.quiet, self._first + self.quiet_max) if self._keys else None

    def take(self) -> set[K]:
        """Return all of them, due or not."""
        taken, self._keys = self._keys, set()
        return taken

    def shift(self, seconds: float) -> None:
        """The clock was set by `seconds`."""
        self._first += seconds
        self._last += seconds
