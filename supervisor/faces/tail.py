"""The newest kept log records, read once for all who follow them: 500 streams cost the journal no more than one.

A new record is only the hint to read on: what is sent is what the journal has, each with its number.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from supervisor.faces.documents import row_document
from supervisor.ports import Control, Row, StoreError

HEARTBEAT = 15.0
"""After this many seconds without a hint the journal is looked at all the same."""

LOOKS = (0.1, 1.0, 5.0)
"""Waits (s) after a hint before the journal is read: most records are on disk by the first."""

READ_AT_ONCE = 10_000
_KEPT = 2000


@dataclass(frozen=True, slots=True)
class Piece:
    """One record, as it is sent."""

    id: int
    agent: str | None
    data: bytes


def piece(row: Row) -> Piece:
    """Return a record as a server-sent event."""
    data = f"id: {row.id}\nevent: {row.event}\ndata: {json.dumps(row_document(row))}\n\n"
    return Piece(row.id, row.agent, data.encode())


class Tail:
    """Follows `control`'s records as long as anybody has joined."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._pieces: deque[Piece] = deque(maxlen=_KEPT)
        self._floor = 0
        self._newest = 0
        self._news = asyncio.Event()
        self._joined = 0
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def newest(self) -> int:
        """The number of the newest record that is known."""
        return self._newest

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """Follow until the block is left. Raises StoreError where the journal can not be read."""
        self._joined += 1
        try:
            if self._task is None or self._task.done():
                self._ready = ready = asyncio.Event()
                self._task = asyncio.create_task(self._run(ready), name="tail of events")
                self._task.add_done_callback(lambda _: self._ended(ready))
            task = self._task
            await self._ready.wait()
            if task.done():
                task.result()
            yield
        finally:
            self._joined -= 1
            if not self._joined and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                await asyncio.wait({task})

    async def wait(self, position: int) -> bool:
        """Wait until there are records after `position`; False where there will be none."""
        task = self._task
        while self._newest <= position:
            if task is None or task.done():
                return False
            await self._news.wait()
        return True

    async def after(self, position: int, agent: str | None) -> Sequence[Piece]:
        """Return the records after `position`, of one agent where it is named. Raises StoreError."""
        if position < self._floor:
            rows = await self._control.rows(after=position, agent=agent, limit=READ_AT_ONCE)
            return [piece(row) for row in rows]
        found = []
        for one in reversed(self._pieces):
            if one.id <= position:
                break
            if agent in {None, one.agent}:
                found.append(one)
        return found[::-1]

    async def _run(self, ready: asyncio.Event) -> None:
        hint = asyncio.Event()
        ear = asyncio.create_task(self._listen(hint), name="hints of events")
        try:
            # Listening before the newest is read: no record can fall between the two.
            await asyncio.sleep(0)
            rows = await self._control.rows(limit=1)
            self._pieces.clear()
            self._newest = self._floor = rows[-1].id if rows else 0
            ready.set()
            while not ear.done():
                with suppress(TimeoutError):
                    await asyncio.wait_for(hint.wait(), HEARTBEAT)
                for wait in LOOKS if hint.is_set() else (0.0,):
                    await asyncio.sleep(wait)
                    hint.clear()
                    if read := await self._read():
                        while read == READ_AT_ONCE:  # there may be more
                            read = await self._read()
                        break
        finally:
            ear.cancel()
            await asyncio.wait({ear})

    async def _read(self) -> int:
        """Take in what is new; return how much that was."""
        try:
            rows = await self._control.rows(after=self._newest, limit=READ_AT_ONCE)
        except StoreError:
            return 0  # said in the log; it will be read once it can be
        for row in rows:
            if len(self._pieces) == _KEPT:
                self._floor = self._pieces[0].id
            self._pieces.append(piece(row))
            self._newest = row.id
        if rows:
            self._wake()
        return len(rows)

    def _ended(self, ready: asyncio.Event) -> None:
        ready.set()
        self._wake()

    def _wake(self) -> None:
        """Let everybody who waits look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def _listen(self, hint: asyncio.Event) -> None:
        live = self._control.follow()
        try:
            async for _ in live:
                hint.set()
            hint.set()
        finally:
            if isinstance(live, AsyncGenerator):
                await live.aclose()
