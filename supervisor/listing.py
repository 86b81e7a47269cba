"""Every file below some folders: the paths of a relisting, and the marks that tell one state of a file from another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_MARK = (1 << 60) - 1  # two digits of a Python int: 32 bytes a file


def mark(info: os.stat_result) -> int:
    """Return a number that changes whenever the file does."""
    return hash((info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino)) & _MARK


class Listing(AbstractSet[Path]):
    """Paths, made one at a time: a hundred thousand of them at once would hold up everything.

    Args:
        folders: the names in each folder.
    """

    def __init__(self, folders: Mapping[Path, frozenset[str]]) -> None:
        self._folders = folders

    def __len__(self) -> int:
        return sum(map(len, self._folders.values()))

    def __iter__(self) -> Iterator[Path]:
        return (folder / name for folder, names in self._folders.items() for name in names)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, Path) and path.name in self.names(path.parent)

    @classmethod
    def _from_iterable(cls, it: Iterable[T]) -> AbstractSet[T]:
        return frozenset(it)  # what `&`, `|` and `-` give

    def __repr__(self) -> str:
        return f"Listing({len(self)} files in {len(self._folders)} folders)"

    def names(self, folder: Path) -> frozenset[str]:
        """Return the names in `folder` itself."""
        return self._folders.get(folder, frozenset())

    def below(self, top: Path) -> Iterator[tuple[Path, frozenset[str]]]:
        """Yield each folder at and below `top`, with the names in it."""
        return ((folder, names) for folder, names in self._folders.items() if folder.is_relative_to(top))
