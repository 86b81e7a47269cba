"""Work that many ask for at once, done once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Does one `work` at a time, however many ask.

    What is being done when somebody asks may have begun too early to know what he wants to see: he shares the next
    one with all who have asked since.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[T]]) -> None:
        self._name = name
        self._work = work
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return what a work that begins from now on brings; raise what it raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running), name=self._name)
            self._next.add_done_callback(_heard)
        return await asyncio.shield(self._next)  # one who leaves takes nothing from the others

    async def _after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait({before})
        self._running, self._next = self._next, None
        return await self._work()


def _heard(task: asyncio.Task[T]) -> None:
    """Take note of an error that nobody waits for any more: whoever asks next hears his own."""
    if not task.cancelled():
        task.exception()
