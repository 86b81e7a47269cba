"""Files in memory: the double of the real ones, for tests in virtual time."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from supervisor.ports import FileRead, FileTail, NotRegularError


@dataclass
class _Stored:
    data: bytes
    mtime: float
    identity: int


class MemoryFiles:
    """Implements `Files` over a dictionary. Times are s since the epoch."""

    def __init__(self) -> None:
        self._files: dict[Path, _Stored] = {}
        self._broken: dict[Path, OSError] = {}
        self._inodes = count(1)
        self.looks: list[str] = []

    def write(self, path: Path, data: bytes, mtime: float) -> None:
        """Make the file anew, as an atomic replacement does."""
        self._broken.pop(path, None)
        self._files[path] = _Stored(data, mtime, next(self._inodes))

    def append(self, path: Path, data: bytes, mtime: float) -> None:
        """Add to the same file, made where it is missing."""
        if path in self._files:
            self.rewrite(path, self._files[path].data + data, mtime)
        else:
            self.write(path, data, mtime)

    def rewrite(self, path: Path, data: bytes, mtime: float) -> None:
        """Replace what is in the same file."""
        self._files[path].data = data
        self._files[path].mtime = mtime

    def remove(self, path: Path) -> None:
        """Remove whatever is there."""
        self._files.pop(path, None)
        self._broken.pop(path, None)

    def mark_odd(self, path: Path, kind: str) -> None:
        """Let something that is no regular file be there, such as "a FIFO"."""
        self.mark_broken(path, NotRegularError(errno.EINVAL, f"is {kind}, not a regular file", str(path)))

    def mark_broken(self, path: Path, error: OSError) -> None:
        """Let every read fail with `error`."""
        self.remove(path)
        self._broken[path] = error

    def paths(self) -> frozenset[Path]:
        """Return what a listing would find."""
        return frozenset(self._files) | frozenset(self._broken)

    def read(
        self, folder: Path, names: Iterable[str], limit: int, *, known: Mapping[str, int], start: int = 0
    ) -> Iterator[tuple[str, FileRead | OSError | None]]:
        """Read files of one folder; see `Files.read`."""
        for name in names:
            path = folder / name
            file = self._files.get(path)
            if file is None:
                yield name, self._broken.get(path)
                continue
            mark = hash((file.mtime, file.identity, file.data))
            if known.get(name) != mark:
                data = file.data[start : start + limit]
                yield name, FileRead(data, file.mtime, mark, whole=start + limit >= len(file.data))

    def newest(self, pattern: str) -> float | None:
        """Return when the newest file that matches was written; see `Files.newest`. `looks` keeps the questions."""
        self.looks.append(pattern)
        return max((file.mtime for path, file in self._files.items() if path.match(pattern)), default=None)

    def tail(self, path: str | Path, limit: int, since: FileTail | None = None) -> FileTail | None:
        """Read the end of `path`; see `Files.tail`."""
        path = Path(path)
        if path in self._broken:
            raise self._broken[path]
        if path not in self._files:
            return None
        file = self._files[path]
        size = len(file.data)
        start = max(0, size - limit)
        if since is not None and since.identity == file.identity:
            end = since.offset + len(since.data)
            untouched = size == end and file.mtime == since.mtime
            if untouched or end < size <= end + limit:
                start = end
        return FileTail(file.data[start:], start, size, file.mtime, file.identity)
