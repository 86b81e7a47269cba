"""A store that can be slow, full, hung or taken from under its user; a source that breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field

from supervisor.domain.escalation import Incident
from supervisor.ports import Entry, Row, Saved, SourceEvent, StoreError
from supervisor.stores.memory import MemoryStore
from tests.support.source import ScriptedSource


@dataclass
class Disk:
    """What lies beneath the stores of all lives.

    Args:
        latency: seconds a transaction takes.
        failing: every call raises.
        fail_commits: the transactions, counted from 1, that raise.
        free: cleared while the disk hangs: no call returns.
    """

    store: MemoryStore = field(default_factory=MemoryStore)
    latency: float = 0.002
    failing: bool = False
    fail_commits: set[int] = field(default_factory=set)
    free: asyncio.Event = field(default_factory=asyncio.Event)
    commits: int = 0
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free.set()


class FaultyStore:
    """Implements `ports.Store` over a `Disk`, for one life; once `dead`, nothing it is told is kept."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.dead = False

    async def open(self) -> Saved:
        await self._pass()
        return await self._disk.store.open()

    async def commit(self, entry: Entry) -> None:
        disk = self._disk
        disk.commits += 1
        number = disk.commits
        await self._pass()
        await asyncio.sleep(disk.latency)
        if number in disk.fail_commits:
            raise StoreError(f"commit {number} fails")
        if not self.dead:
            disk.entries.append(entry)
            await disk.store.commit(entry)

    async def rows(
        self,
        *,
        since: float = 0.0,
        after: int = 0,
        before: int | None = None,
        agent: str | None = None,
        events: Collection[str] | None = None,
        limit: int = 1000,
    ) -> Sequence[Row]:
        await self._pass()
        return await self._disk.store.rows(
            since=since, after=after, before=before, agent=agent, events=events, limit=limit
        )

    async def incidents(
        self, *, since: float = 0.0, before: tuple[float, str] | None = None, limit: int = 1000
    ) -> Sequence[Incident]:
        await self._pass()
        return await self._disk.store.incidents(since=since, before=before, limit=limit)

    async def prune(self, before: float) -> int:
        await self._pass()
        return await self._disk.store.prune(before)

    async def close(self) -> None:
        if not self.dead:
            await self._disk.store.close()

    async def _pass(self) -> None:
        if not self.dead:
            await self._disk.free.wait()
            if self._disk.failing:
                raise StoreError("no space left on device")


class FaultySource(ScriptedSource):
    """A source that ends with an exception where `breaks` says so, until it is listened to again."""

    breaks: Exception | None = None
    for_ever = False

    def fail(self, error: Exception, *, for_ever: bool = False) -> None:
        """Break now; `for_ever`: and again whenever it is listened to."""
        self.breaks, self.for_ever = error, for_ever
        self.relist("to wake the listener")

    async def events(self) -> AsyncGenerator[SourceEvent, None]:
        """See `ScriptedSource`."""
        async for event in super().events():
            if self.breaks is not None:
                error, self.breaks = self.breaks, self.breaks if self.for_ever else None
                raise error
            yield event
