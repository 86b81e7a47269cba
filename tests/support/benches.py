"""A reader of heartbeats on a bench of its own, over files in memory and real ones."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.domain.events import Beat
from supervisor.domain.messages import utc
from supervisor.filesystem import RealFiles
from supervisor.ports import Files
from supervisor.runtime.reader import Reader
from tests.support.files import MemoryFiles
from tests.support.world import VirtualTown


class RealGround:
    """A folder on disk, with the town's times."""

    def __init__(self, folder: Path) -> None:
        self.files = RealFiles()
        self._folder = folder

    def write(self, name: str, data: bytes, mtime: float) -> None:
        fresh = self._folder / ".fresh"
        fresh.write_bytes(data)
        os.utime(fresh, (mtime, mtime))
        fresh.rename(self._folder / name)

    def append(self, name: str, data: bytes, mtime: float) -> None:
        with (self._folder / name).open("ab") as file:
            file.write(data)
        os.utime(self._folder / name, (mtime, mtime))

    def rewrite(self, name: str, data: bytes, mtime: float) -> None:
        with (self._folder / name).open("r+b") as file:
            file.truncate(0)
            file.write(data)
        os.utime(self._folder / name, (mtime, mtime))

    def remove(self, name: str) -> None:
        path = self._folder / name
        path.rmdir() if path.is_dir() else path.unlink()

    def odd(self, name: str) -> None:
        (self._folder / name).mkdir()


class MemoryGround:
    """The same in memory."""

    def __init__(self, folder: Path) -> None:
        self.files = MemoryFiles()
        self._folder = folder

    def write(self, name: str, data: bytes, mtime: float) -> None:
        self.files.write(self._folder / name, data, mtime)

    def append(self, name: str, data: bytes, mtime: float) -> None:
        self.files.append(self._folder / name, data, mtime)

    def rewrite(self, name: str, data: bytes, mtime: float) -> None:
        self.files.rewrite(self._folder / name, data, mtime)

    def remove(self, name: str) -> None:
        self.files.remove(self._folder / name)

    def odd(self, name: str) -> None:
        self.files.mark_odd(self._folder / name, "a folder")


@dataclass
class Bench:
    """A reader of its own in a town that knows agent `a`."""

    town: VirtualTown
    ground: RealGround | MemoryGround
    folder: Path

    def __post_init__(self) -> None:
        self.looks = 0
        self.reader = self.make(self.ground.files)

    def make(self, files: Files) -> Reader:
        t = self.town
        reader = Reader(
            self.folder,
            files,
            t.daemon.journal._clock,
            t.daemon.journal,
            skew_limit=60.0,
            offload=t._read,
            look_at_clock=self._look,
        )
        reader.bind(t.daemon.roster, t.daemon.gate, t.daemon._configuration.adopt)
        return reader

    def _look(self) -> None:
        self.looks += 1

    def line(self, **keys: Any) -> bytes:
        return json.dumps({"timestamp": utc(self.town.wall()), **keys}).encode() + b"\n"

    def append(self, data: bytes, name: str = "a.log") -> None:
        self.ground.append(name, data, self.town.wall())

    async def read(self) -> list[Beat]:
        return await self.reader.read("a")

    async def seqs(self) -> list[int | None]:
        return [beat.seq for beat in await self.read()]

    def errors(self) -> list[tuple[int | None, str]]:
        return [(one.line, one.error) for one in self.town.logged("heartbeat_invalid")]
