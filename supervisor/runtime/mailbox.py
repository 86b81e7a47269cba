"""Where one coroutine waits: for something to be put in, or for a deadline."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

from supervisor.ports import Clock

T = TypeVar("T")


class Mailbox(Generic[T]):
    """An unbounded queue with one reader and a deadline that is cheap to move.

    A deadline usually moves later, at each heartbeat: the timer that is set stays and, when it rings too
    early, is set again. Nothing polls.
    """

    __slots__ = ("_clock", "_items", "_rings_at", "_timer", "_until", "_waiter")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: deque[T] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._until: float | None = None

    def put(self, item: T) -> None:
        """Add `item` and wake the reader."""
        self._items.append(item)
        self._wake()

    async def next(self, until: float | None) -> T | None:
        """Return the next item, or None once the clock has reached `until` (s since the epoch) without one."""
        while not self._items:
            if until is not None and self._clock.now() >= until:
                return None
            self._until = until
            self._arm()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._items.popleft()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._until is None or (self._timer is not None and self._rings_at <= self._until):
            return
        self.close()
        self._rings_at = self._until
        wait = max(0.0, self._until - self._clock.now())
        self._timer = asyncio.get_running_loop().call_later(wait, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None or self._until is None:
            return
        if self._clock.now() >= self._until:
            self._wake()
        else:
            self._arm()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
