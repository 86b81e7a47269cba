"""Faults of every port: what stands between the daemon and its doubles, and lets calls fail, hang, or come out wrong.

`Road` is the way to one port, and `Fault` what befalls the calls on it; `Roads` leads to every port of a world.
The store has a double of its own, because several lives share what lies beneath it; clocks jump by the town's hand; a
watchdog has no faults, for nothing depends on being heard by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from supervisor.domain.escalation import Incident
from supervisor.ports import (
    Changed,
    Entry,
    FileRead,
    Files,
    FileTail,
    Offload,
    Row,
    Saved,
    SourceEvent,
    StoreError,
)
from supervisor.runtime.world import World
from supervisor.stores.memory import MemoryStore
from tests.support.source import ScriptedSource

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """What befalls a call, in this order.

    Args:
        takes: so long (s) it lasts beforehand.
        hangs: it waits until the road is mended.
        error: it raises, and nothing is done.
        lost: it is done, and raises all the same: the answer is lost on its way.
        nth: only this call, counted from 1 since the fault began; None: each.
    """

    takes: float = 0.0
    hangs: bool = False
    error: Exception | None = None
    lost: Exception | None = None
    nth: int | None = None


class Road:
    """The way to one port. `struck`: how many calls some fault has befallen."""

    def __init__(self) -> None:
        self.struck = 0
        self._faults: dict[Fault, int] = {}
        self._whole = asyncio.Event()
        self._whole.set()

    def damage(self, *faults: Fault) -> None:
        """Let these befall every call from now on."""
        self._faults.update(dict.fromkeys(faults, 0))
        self._whole.clear()

    def mend(self) -> None:
        """End every fault; what hangs goes on."""
        self._faults.clear()
        self._whole.set()

    def calls(self, call: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        """Return `call` as it is at the end of this road."""

        async def over(*args: P.args, **kwargs: P.kwargs) -> T:
            faults = self._befall()
            for fault in faults:
                await asyncio.sleep(fault.takes)
                if fault.hangs:
                    await self._whole.wait()
                if fault.error is not None:
                    raise fault.error
            done = await call(*args, **kwargs)
            for fault in faults:
                if fault.lost is not None:
                    raise fault.lost
            return done

        return over

    def check(self) -> None:
        """Let a call that can not wait pass, or raise."""
        for fault in self._befall():
            if fault.error is not None:
                raise fault.error

    def _befall(self) -> list[Fault]:
        for fault in self._faults:
            self._faults[fault] += 1
        faults = [fault for fault, count in self._faults.items() if fault.nth in {None, count}]
        self.struck += bool(faults)
        return faults


@dataclass
class Roads:
    """The way to each port that has no double with faults of its own."""

    files: Road = field(default_factory=Road)
    read: Road = field(default_factory=Road)
    think: Road = field(default_factory=Road)
    reckon: Road = field(default_factory=Road)
    look: Road = field(default_factory=Road)
    page: Road = field(default_factory=Road)
    textfile: Road = field(default_factory=Road)
    plan: Road = field(default_factory=Road)
    restarter: Road = field(default_factory=Road)
    notifier: Road = field(default_factory=Road)
    ping: Road = field(default_factory=Road)
    torn: bool = False
    """Every file that is read ends in the middle."""

    def lead_to(self, world: World) -> World:
        """Return this world at the end of the roads."""
        return replace(
            world,
            files=_FaultyFiles(self, world.files),
            read=_FaultyOffload(self.read, world.read),
            think=_FaultyOffload(self.think, world.think),
            reckon=_FaultyOffload(self.reckon, world.reckon),
            look=_FaultyOffload(self.look, world.look),
            write=self.page.calls(world.write),
            write_textfile=self.textfile.calls(world.write_textfile),
            load_plan=self.plan.calls(world.load_plan),
        )


class _FaultyFiles:
    """Implements `ports.Files`."""

    def __init__(self, roads: Roads, files: Files) -> None:
        self._roads = roads
        self._files = files

    def read(
        self, folder: Path, names: Iterable[str], limit: int, *, known: Mapping[str, int], start: int = 0
    ) -> Iterator[tuple[str, FileRead | OSError | None]]:
        for name, got in self._files.read(folder, names, limit, known=known, start=start):
            try:
                self._roads.files.check()
            except OSError as error:
                yield name, error
            else:
                yield name, replace(got, data=self._cut(got.data)) if isinstance(got, FileRead) else got

    def tail(self, path: str | Path, limit: int, since: FileTail | None = None) -> FileTail | None:
        self._roads.files.check()
        got = self._files.tail(path, limit, since)
        if got is None:
            return None
        data = self._cut(got.data)
        return replace(got, data=data, size=got.size - len(got.data) + len(data))

    def newest(self, pattern: str) -> float | None:
        self._roads.files.check()
        return self._files.newest(pattern)

    def _cut(self, data: bytes) -> bytes:
        return data[: -len(data) // 2] if self._roads.torn else data


class _FaultyOffload:
    """Implements `ports.Offload`."""

    def __init__(self, road: Road, offload: Offload) -> None:
        self._road = road
        self._offload = offload

    async def __call__(self, work: Callable[[], T]) -> T:
        return await self._road.calls(self._offload)(work)


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
    """A source that ends with an exception where `breaks` says so, until it is listened to again.

    `way`: what becomes of hints at changes on their way: none by default.
    """

    breaks: Exception | None = None
    for_ever = False

    @staticmethod
    def way(events: Sequence[SourceEvent]) -> Sequence[SourceEvent]:
        """Return what comes of these."""
        return events

    def say(self, *events: SourceEvent) -> None:
        """Let what is left of these events come next."""
        super().say(*(self.way(events) if all(isinstance(event, Changed) for event in events) else events))

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
