"""The machine that a virtual town stands on: its time, and the files that agents write on it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from looptime import LoopTimeEventLoop

from supervisor.domain.messages import utc
from supervisor.formats.duration import parse_duration
from tests.support.faults import FaultySource
from tests.support.files import MemoryFiles

EPOCH = 1_780_000_000.0
BEATS = Path("/beats")


class VirtualLoop(LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """An event loop in virtual time, for tests that own it."""

    def __init__(self) -> None:
        super().__init__(noop_cycles=0)


class VirtualMachine:
    """A machine whose loop runs in virtual time. Its clock jumps, it sleeps and it stalls as a test wants it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LoopTimeEventLoop)
        self.loop = loop
        self.born = loop.time()
        self.slept = self.stepped = 0.0
        self.files = MemoryFiles()
        self.source = FaultySource(self.files.paths)

    # --- time ---

    @property
    def t(self) -> float:
        """Seconds since the town began, as the machine ran."""
        return round(self.loop.time() - self.born, 6)

    def wall(self) -> float:
        """What a clock on the wall shows (s since the epoch)."""
        return EPOCH + (self.loop.time() - self.born) + self.slept + self.stepped

    async def sleep(self, length: str) -> None:
        """Let time pass."""
        await asyncio.sleep(parse_duration(length))

    async def until(self, t: str) -> None:
        """Let time pass until that long after the town began."""
        await asyncio.sleep(parse_duration(t) - self.t)

    def stall(self, length: str) -> None:
        """The event loop is blocked for so long."""
        self.loop.setup_looptime(start=self.loop.time() + parse_duration(length), noop_cycles=0)

    def suspend(self, length: str) -> None:
        """The machine sleeps: no steady time passes."""
        self.slept += parse_duration(length)

    def step_clock(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.stepped += seconds

    # --- files ---

    def place(self, name: str) -> Path:
        """Return the heartbeat file of an agent."""
        return BEATS / f"{name}.log"

    def line(self, **keys: Any) -> bytes:
        """Return a heartbeat of now."""
        return json.dumps({"timestamp": utc(self.wall()), **keys}).encode() + b"\n"

    def beat(self, *names: str, **keys: Any) -> None:
        """Let agents beat, now."""
        for name in names:
            self.files.append(self.place(name), self.line(**keys), self.wall())
            self.source.touch(self.place(name))

    def write(self, path: Path, data: bytes) -> None:
        """Let an agent write a file, now."""
        self.files.write(path, data, self.wall())
        self.source.touch(path)

    def remove(self, path: Path) -> None:
        """Let an agent remove a file, now."""
        self.files.remove(path)
        self.source.touch(path)

    async def beating(self, *names: str, every: str = "30m") -> None:
        """Beat for ever."""
        while True:
            self.beat(*names)
            await self.sleep(every)
