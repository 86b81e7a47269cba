"""What restarts have left of agents that nobody watches any more."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from supervisor.restarters import _runs


def clear(folder: Path, watched: Collection[str], before: float) -> None:
    """Remove the folders of agents other than these in which nothing has changed since `before` (s since the epoch).

    That of an agent of which something still lives stays: who is watched again is to be found by it. It blocks. Raises
    OSError where `folder` can not be read; what can not be removed stays.
    """
    for place in folder.iterdir() if folder.exists() else ():
        with suppress(OSError):  # one that can not be read stays, and keeps no other
            if place.name not in watched and place.is_dir() and _changed(place) < before and not _lives(place):
                shutil.rmtree(place, ignore_errors=True)


def _changed(place: Path) -> float:
    changed = place.stat().st_mtime
    for path in place.iterdir():
        with suppress(FileNotFoundError):
            changed = max(changed, path.lstat().st_mtime)
    return changed


def _lives(place: Path) -> bool:
    return any(_runs.living(place, claim) for claim in _runs.claims(place))
