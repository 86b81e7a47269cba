"""What was last seen of the files below one root: the memory that a stat walk is compared with."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from supervisor.listing import mark

MOST_FILES = 1_000_000
"""A root with more is a mistake: the rest is not watched, and that is said."""

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Root:
    """A folder to watch.

    Args:
        path: may be missing, and may itself be a symbolic link; links below it are not followed.
        recursive: the folders below it too.
        names: only the files of these names matter; None for all.
        follow: where one of `names` is a link, a change of what it leads to is a change of the file.
    """

    path: Path
    recursive: bool = True
    names: frozenset[str] | None = None
    follow: bool = False


class Heard(Enum):
    """What an event was about."""

    NOTHING = auto()
    FILE = auto()
    FOLDER = auto()


class _Folder:
    """A mark per file name: one integer that changes with the file."""

    __slots__ = ("identity", "marks")

    def __init__(self, identity: tuple[int, int], marks: dict[str, int]) -> None:
        self.identity = identity
        self.marks = marks


class Tree:
    """The files below one root, as last seen. The ear's thread calls `note`, the walker's everything else.

    Folders are kept as text without a slash at the end, "" being the root of all.

    Attributes:
        troubles: folders that could not be listed, and why.
        odd: folders with a name in them that is not UTF-8.
        suspects: changed files that a walk found where the ear should have told, and has not since.
    """

    def __init__(self, root: Root, halt: threading.Event) -> None:
        self.root = root
        self.top = str(root.path.absolute()).rstrip("/")
        self.troubles: dict[str, str] = {}
        self.odd: set[str] = set()
        self.suspects: set[str] = set()
        self._folders: dict[str, _Folder] = {}
        self._halt = halt
        self._lock = threading.Lock()
        self._noted: dict[str, set[str]] | None = None
        self._gone: set[str] = set()

    def scan(self, start: str | None = None, told: Container[str] = ()) -> set[str]:
        """List the folders at and below `start` (default: all) afresh; return the files that changed, came or went.

        Changes in the folders of `told` should have been heard, and become suspects.
        """
        start = start or self.top
        changed: set[str] = set()
        visited: set[str] = set()
        self._forget_flaws(start)
        with self._lock:
            self._noted = {}
        waiting = [start]
        room = MOST_FILES
        while waiting:
            if self._halt.is_set():
                return changed
            path = waiting.pop()
            try:
                found, below, odd = _list(path, self.root.names, follow=path == self.top)
            except FileNotFoundError:
                continue
            except OSError as error:
                if path == self.top or not isinstance(error, NotADirectoryError):
                    self.troubles[path] = error.strerror or str(error)
                continue
            visited.add(path)
            if odd:
                self.odd.add(path)
            changed |= self._merge(path, found, suspicious=path in told)
            room -= len(found.marks)
            if room < 0:
                self.troubles[self.top] = f"more than {MOST_FILES} files: the rest is not watched"
                break
            if self.root.recursive:
                waiting += below
        with self._lock:
            self._noted = None
            for path in [path for path in self._folders if _within(path, start) and path not in visited]:
                files = {f"{path}/{name}" for name in self._folders.pop(path).marks}
                self._gone |= files
                changed |= files
        return changed

    def note(self, path: str, info: os.stat_result | None) -> Heard:
        """Take in that something happened to `path`, which is now as `info` says; None: it is gone."""
        parent, _, name = path.rpartition("/")
        if path in self._folders or path == self.top:
            return Heard.FOLDER
        known = self._folders.get(parent)
        if known is None:
            return Heard.NOTHING
        if info is not None and stat.S_ISDIR(info.st_mode):
            return Heard.FOLDER if self.root.recursive else Heard.NOTHING
        if self.root.names is not None and name not in self.root.names:
            return Heard.NOTHING
        with self._lock:
            self.suspects.discard(path)
            if self._noted is not None:
                self._noted.setdefault(parent, set()).add(name)
            if info is None:
                known.marks.pop(name, None)
                self._gone.add(path)
            else:
                known.marks[name] = mark(info)
        return Heard.FILE

    def take_gone(self) -> set[str]:
        """Return the files that have gone since the last call."""
        with self._lock:
            gone, self._gone = self._gone, set()
        return gone

    def take_suspects(self) -> set[str]:
        """Return the suspects; what is done about them, it is done once."""
        with self._lock:
            suspects, self.suspects = self.suspects, set()
        return suspects

    def covers(self, path: str) -> bool:
        """Whether the folder `path` is, or may become, part of this tree."""
        return path == self.top or (self.root.recursive and _within(path, self.top))

    def folders(self) -> dict[str, tuple[int, int]]:
        """Return each folder's identity (device, inode)."""
        return {path: folder.identity for path, folder in self._folders.items()}

    def names(self) -> dict[str, frozenset[str]]:
        """Return the names of the files last seen in each folder."""
        with self._lock:
            return {path: frozenset(folder.marks) for path, folder in self._folders.items()}

    def _merge(self, path: str, found: _Folder, *, suspicious: bool) -> set[str]:
        """Keep what was found, but for what the ear has told meanwhile: that is newer."""
        with self._lock:
            known = self._folders.get(path)
            if known is None or known.identity != found.identity:
                suspicious = False
            old = known.marks if known else {}
            for name in (self._noted or {}).get(path, ()):
                if name in old:
                    found.marks[name] = old[name]
                else:
                    found.marks.pop(name, None)
            self._folders[path] = found
            if found.marks == old:
                return set()
            gone = {f"{path}/{name}" for name in old.keys() - found.marks.keys()}
            changed = {f"{path}/{name}" for name, mark in found.marks.items() if old.get(name) != mark} | gone
            self._gone |= gone
            if suspicious:
                self.suspects |= changed
        return changed

    def _forget_flaws(self, start: str) -> None:
        self.troubles = {path: why for path, why in self.troubles.items() if not _within(path, start)}
        self.odd = {path for path in self.odd if not _within(path, start)}


def _list(path: str, names: frozenset[str] | None, *, follow: bool) -> tuple[_Folder, list[str], bool]:
    """List one folder: its files, the folders in it, and whether a name in it is not UTF-8."""
    marks: dict[str, int] = {}
    below: list[str] = []
    odd = not _plain(path)
    fd = os.open(path or "/", _OPEN if follow else _OPEN | os.O_NOFOLLOW)
    try:
        info = os.fstat(fd)
        with os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name
                if not (name.isascii() or _plain(name)):
                    odd = True
                if entry.is_dir(follow_symlinks=False):
                    below.append(f"{path}/{name}")
                elif names is None or name in names:
                    try:
                        marks[name] = mark(entry.stat(follow_symlinks=False))
                    except FileNotFoundError:
                        continue
                    except OSError:
                        marks[name] = 0  # it is there; why it can not be looked at, its reader will say
    finally:
        os.close(fd)
    return _Folder((info.st_dev, info.st_ino), marks), below, odd


def _plain(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _within(path: str, start: str) -> bool:
    return path == start or path.startswith(start + "/")
