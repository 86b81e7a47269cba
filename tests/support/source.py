"""A source that says what the test tells it to: the double of the real one, for tests in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path

from supervisor.ports import Changed, Relisted, SourceEvent


class ScriptedSource:
    """Implements `Source`; `listing` says which paths there are, such as `MemoryFiles.paths`."""

    def __init__(self, listing: Callable[[], Iterable[Path]] = tuple) -> None:
        self._listing = listing
        self._said: asyncio.Queue[SourceEvent] = asyncio.Queue()

    def say(self, *events: SourceEvent) -> None:
        """Let these events come next."""
        for event in events:
            self._said.put_nowait(event)

    def touch(self, *paths: Path) -> None:
        """Hint at these paths."""
        self.say(Changed(frozenset(paths)))

    def relist(self, reason: str) -> None:
        """List everything."""
        self.say(Relisted(reason, frozenset(self._listing())))

    async def events(self) -> AsyncGenerator[SourceEvent, None]:
        """Yield a listing, then what is said; what was said before nobody has to hear."""
        self._said = asyncio.Queue()
        yield Relisted("start", frozenset(self._listing()))
        while True:
            yield await self._said.get()
