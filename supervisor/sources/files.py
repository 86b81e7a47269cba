"""The file system as a source of hints: watchfiles is the ear, a stat walk the guarantee."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from supervisor.ports import ALIVE_EVERY, Alive, Changed, SourceEvent
from supervisor.sources._listing import Root
from supervisor.sources._mounts import needs_polling as polling_reason
from supervisor.sources._place import Pace
from supervisor.sources._watch import Watch

__all__ = ["FileSource", "Pace", "Root"]


_FAREWELL = 2.0
"""How long (s) the end waits for a file system that hangs."""


class FileSource:
    """Implements `Source` over folders that may be missing, replaced, linked, remote or too many to listen to.

    Listing, listening and polling are done in threads of its own; they end with the iterator that `events` gave.

    Args:
        roots: what to watch; when inotify has no room for all, the root with the most folders is polled first.
        pace: how fast, how often.
        needs_polling: says why a folder has no events that can be relied on, None where it has.
    """

    def __init__(
        self,
        roots: Sequence[Root],
        pace: Pace | None = None,
        *,
        needs_polling: Callable[[Path], str | None] = polling_reason,
    ) -> None:
        self._roots = tuple(roots)
        self._pace = pace or Pace()
        self._needs_polling = needs_polling
        self._asked: str | None = None
        self._turn = asyncio.Event()

    def relist(self, reason: str) -> None:
        """Ask for a `Relisted` as soon as can be. To be called in the event loop."""
        self._asked = reason
        self._turn.set()

    async def events(self) -> AsyncGenerator[SourceEvent, None]:
        """Yield hints until cancelled or closed; one iterator at a time. A slow consumer gets them joined."""
        loop = asyncio.get_running_loop()
        outbox = _Outbox()
        watch = Watch(
            self._roots,
            self._pace,
            needs_polling=self._needs_polling,
            tell=partial(_in_loop, loop, outbox.hint),
            wake=partial(_in_loop, loop, self._turn.set),
        )
        pool = ThreadPoolExecutor(1, thread_name_prefix="watch-walk")
        keeper = asyncio.create_task(self._keep(watch, pool, outbox), name="file source: look, listen")
        keeper.add_done_callback(lambda _: outbox.ready.set())
        try:
            while not keeper.done():
                await outbox.ready.wait()
                outbox.ready.clear()
                while outbox:
                    yield outbox.take()  # kept by no name: a listing may be large
            await keeper
        finally:
            watch.halt.set()
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            closed = loop.run_in_executor(pool, watch.close)
            await asyncio.wait({closed}, timeout=_FAREWELL)
            pool.shutdown(wait=closed.done())

    async def _keep(self, watch: Watch, pool: ThreadPoolExecutor, outbox: _Outbox) -> None:
        loop = asyncio.get_running_loop()
        self._asked = None
        outbox.post([await loop.run_in_executor(pool, watch.first)])
        alive_at = loop.time()
        while True:
            if loop.time() >= alive_at:
                outbox.post([Alive()])
                alive_at = loop.time() + ALIVE_EVERY / 2
            self._turn.clear()
            asked, self._asked = self._asked, None
            outbox.post(await loop.run_in_executor(pool, watch.turn, asked))
            try:
                async with asyncio.timeout(watch.pause()):
                    await self._turn.wait()
            except TimeoutError:
                continue


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> None:
    loop.call_soon_threadsafe(call, *args)


class _Outbox:
    """What the consumer has not taken yet. Hints are joined, so that it never grows beyond the files there are."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._news: deque[SourceEvent] = deque()
        self._hints: set[Path] = set()

    def __bool__(self) -> bool:
        return bool(self._news or self._hints)

    def post(self, events: list[SourceEvent]) -> None:
        for event in events:
            if isinstance(event, Changed):
                self._hints |= event.paths
            else:
                self._news.append(event)
        self.ready.set()

    def hint(self, paths: frozenset[Path]) -> None:
        self._hints |= paths
        self.ready.set()

    def take(self) -> SourceEvent:
        """Return the oldest piece of news, or else all hints in one."""
        if self._news:
            return self._news.popleft()
        hints, self._hints = self._hints, set()
        return Changed(frozenset(hints))
