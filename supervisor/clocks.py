"""The supervisor's clock: steady like the monotonic one, readable like the wall's."""

from __future__ import annotations

import time
from collections.abc import Callable


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SystemClock:
    """Implements `ports.Clock`: the wall clock at the last `resync`, carried on by the monotonic clock.

    The boot-time clock goes on while the machine sleeps and the monotonic one does not: their difference is
    the sleep. What the wall clock has moved beyond both was set by somebody.
    """

    def __init__(
        self,
        *,
        steady: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        boot: Callable[[], float] = _boottime,
    ) -> None:
        self._read_steady = steady
        self._read_wall = wall
        self._read_boot = boot
        self.resync()

    def now(self) -> float:
        """Seconds since the epoch on the steady timeline."""
        steady, wall, _ = self._origin
        return wall + (self._read_steady() - steady)

    def drift(self) -> tuple[float, float]:
        """Return (seconds slept, seconds the wall clock was stepped) since the last `resync`."""
        steady, wall, boot = self._origin
        passed = self._read_steady() - steady
        slept = self._read_boot() - boot - passed
        stepped = self._read_wall() - wall - passed - slept
        return slept, stepped

    def resync(self) -> None:
        """Bring `now` back to the wall clock."""
        # One value, set in one go: other threads may ask for `now` meanwhile.
        self._origin = (self._read_steady(), self._read_wall(), self._read_boot())
