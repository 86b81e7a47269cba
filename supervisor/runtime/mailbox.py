"""Where one coroutine waits: for something to be put in, or for a deadline."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from supervisor.ports import Clock

T = TypeVar("T")
K = TypeVar("K")


class Mailbox(Generic[T]):
    """An unbounded queue with one reader and a deadline that is cheap to move.

    A deadline usually moves later, at each heartbeat: the timer that is set stays and, when it rings too
    early, is set again. Nothing polls.
    """

    __slots__ = ("_clock", "_items", "_rung", "_timer", "_until", "_waiter")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: list[T] | None = None  # seldom any: an empty list takes 70 bytes of each agent, a deque 700
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._until: float | None = None

    def put(self, item: T) -> None:
        """Add `item` and wake the reader."""
        if self._items is None:
            self._items = []
        self._items.append(item)
        self._wake()

    def ring(self) -> None:
        """Let the reader look up, once for however many rings."""
        self._rung = True
        self._wake()

    async def next(self, until: float | None) -> T | None:
        """Return the next item; None at a ring, or once the clock has reached `until` (s since the epoch)."""
        while not self.ready(until):
            await self.parked(until)
        return self.pop()

    # What `next` does, in its parts: a reader that waits in its own coroutine needs no second one.

    def ready(self, until: float | None) -> bool:
        """Whether there is something to `pop`: an item, a ring, or that the clock has reached `until`."""
        return self._items is not None or self._rung or (until is not None and self._clock.now() >= until)

    def parked(self, until: float | None) -> asyncio.Future[None]:
        """Return what ends when it is time to ask whether this is `ready`."""
        self._until = until
        self._arm()
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def pop(self) -> T | None:
        """Return the oldest item, None where it was a ring or the time."""
        if self._items is None:
            self._rung = False
            return None
        item = self._items.pop(0)
        self._items = self._items or None
        return item

    def __bool__(self) -> bool:
        return self._items is not None

    def take(self, kind: type[K]) -> list[K]:
        """Return the items of this kind out of their turn, and leave the others."""
        items = self._items or []
        self._items = [item for item in items if not isinstance(item, kind)] or None
        return [item for item in items if isinstance(item, kind)]

    def close(self) -> list[T]:
        """Stop the timer; return what nobody has taken."""
        self._disarm()
        left, self._items = self._items, None
        return left or []

    def _arm(self) -> None:
        """Let the timer ring at the deadline or before; the clock may have jumped since it was set."""
        if self._until is None:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, self._until - self._clock.now())
        if self._timer is None or self._timer.when() > at:
            self._disarm()
            self._timer = loop.call_at(at, self._ring)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._until is None:
            return
        if self._clock.now() >= self._until:
            self._wake()
        else:
            self._arm()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
