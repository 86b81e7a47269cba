"""Watching a source in a test, and waiting for what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from supervisor.ports import Alive, Changed, Relisted, Source, SourceEvent, WatchLost, WatchRestored
from supervisor.sources.files import Pace

E = TypeVar("E", bound=SourceEvent)

PATIENCE = 20.0
"""How long (s) a busy machine may take; a source that works needs a tenth of a second."""

NONE_LOST = Pace(walk_every=3600.0, check_every=3600.0)
"""No walk makes up for what the ear has missed."""


class Watched:
    """What a source has said so far, in order."""

    def __init__(self) -> None:
        self.said: list[SourceEvent] = []
        self._more = asyncio.Condition()

    async def take_in(self, event: SourceEvent) -> None:
        async with self._more:
            self.said.append(event)
            self._more.notify_all()

    def forget(self) -> None:
        """Begin anew: what comes from now on counts."""
        self.said.clear()

    async def until(self, true: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
        """Wait until `true()`, looked at after each event; fail, and say `what` was waited for."""
        try:
            async with asyncio.timeout(within), self._more:
                await self._more.wait_for(true)
        except TimeoutError:
            raise AssertionError(f"not within {within} s: {what}; said: {self.said}") from None

    async def path(self, path: Path, within: float = PATIENCE) -> None:
        """Wait for a hint at `path`."""
        await self.until(lambda: path in self.hinted(), f"a hint at {path}", within)

    async def lost(self, root: Path, within: float = PATIENCE) -> WatchLost:
        """Wait until `root` is said to be lost."""
        return await self._first(WatchLost, lambda event: event.root == root, f"{root} lost", within)

    async def restored(self, root: Path, within: float = PATIENCE) -> WatchRestored:
        """Wait until `root` is said to be watched again, and the listing that follows."""
        found = await self._first(WatchRestored, lambda event: event.root == root, f"{root} restored", within)
        await self.until(lambda: any(isinstance(event, Relisted) for event in self.after(found)), "a listing", within)
        return found

    async def relisted(self, reason: str, within: float = PATIENCE) -> Relisted:
        """Wait for a listing for `reason`."""
        return await self._first(Relisted, lambda event: reason in event.reason, f"listed for {reason!r}", within)

    def after(self, event: SourceEvent) -> list[SourceEvent]:
        """Return what was said after `event`."""
        return self.said[self.said.index(event) + 1 :]

    def hinted(self) -> set[Path]:
        """Return every path that was hinted at."""
        return {path for event in self.said if isinstance(event, Changed | Relisted) for path in event.paths}

    async def _first(self, kind: type[E], fits: Callable[[E], bool], what: str, within: float) -> E:
        def found() -> list[E]:
            return [event for event in self.said if isinstance(event, kind) and fits(event)]

        await self.until(lambda: bool(found()), what, within)
        return found()[0]


@asynccontextmanager
async def watching(source: Source) -> AsyncIterator[Watched]:
    """Consume `source` in the background, from its first listing on."""
    watched = Watched()

    async def consume() -> None:
        async with aclosing(source.events()) as events:
            async for event in events:
                if isinstance(event, Alive):
                    continue
                await watched.take_in(event)

    task = asyncio.create_task(consume(), name="consume a source")
    try:
        await watched.until(lambda: bool(watched.said) or task.done(), "the first listing")
        yield watched
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


async def settled() -> None:
    """Wait until an ear that was asked for listens."""
    await asyncio.sleep(0.3)
