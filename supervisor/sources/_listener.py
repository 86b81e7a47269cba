"""The ear on all roots: made anew where it misses a folder, died, or went deaf. For one worker thread."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from supervisor.sources._ear import DELETED, Ear, EarError, Sounds, VanishedError
from supervisor.sources._listing import Heard
from supervisor.sources._place import Identity, Pace, Place

_ARM_SHARE = 10  # making the ear anew may take a 10th of the time
_ARM_TRIES = 5
_PATIENCE = 0.1  # s until the next tries, while folders come and go faster than an ear is made
_LEAST_LIFE = 1.0  # an ear that dies younger (s) is not made anew sooner


class Listener:
    """Keeps one ear on every folder of the roots that are not polled.

    Args:
        tell: called in the ear's thread with files to look at.
        wake: called in the ear's thread: `take_stirred` or `take_failure` has something.

    Attributes:
        stale: the ear may miss a folder; `arm` sets it back.
        after: no new ear before this time (monotonic s).
        armed: the folders that are listened to.
    """

    def __init__(
        self,
        places: Sequence[Place],
        pace: Pace,
        *,
        tell: Callable[[frozenset[Path]], None],
        wake: Callable[[], None],
    ) -> None:
        self.stale = True
        self.after = 0.0
        self.armed: dict[str, Identity] = {}
        self._places = places
        self._pace = pace
        self._tell = tell
        self._wake = wake
        self._ear: Ear | None = None
        self._retired: list[tuple[float, Ear]] = []
        self._armed_at = 0.0
        self._generation = 0
        self._lock = threading.Lock()
        self._stirred: dict[str, bool] = {}
        self._failed = (0, "")

    def pause(self, now: float) -> float:
        """Return how long (s) from `now` there is nothing to do here."""
        due = [at for at, _ in self._retired]
        if self.stale:
            due.append(self.after)
        return max(0.0, min(due) - now) if due else float("inf")

    def forget(self, folders: Iterable[str]) -> None:
        """Take it that these folders are not listened to."""
        for folder in folders:
            self.armed.pop(folder, None)
        self.stale = True

    def take_stirred(self) -> dict[str, bool]:
        """Return the folders that something happened to since the last call, and whether they were deleted."""
        with self._lock:
            stirred, self._stirred = self._stirred, {}
        if stirred:
            self.forget(folder for folder, deleted in stirred.items() if deleted)
        return stirred

    def take_failure(self) -> str:
        """Return why the ear died since the last call, "" where it did not."""
        with self._lock:
            (generation, error), self._failed = self._failed, (0, "")
        if generation != self._generation or self._ear is None:
            return ""
        self.retire()
        self.after = max(self.after, self._armed_at + _LEAST_LIFE)
        return error

    def retire(self) -> None:
        """Let the ear go, but let it tell what it has heard already."""
        if self._ear is not None:
            told = time.monotonic() + 4 * self._pace.step + self._pace.debounce
            self._retired.append((told, self._ear))
        self._ear, self.armed, self.stale = None, {}, True

    def tidy(self, now: float) -> None:
        """End the ears that were retired long enough before `now`."""
        for at, ear in self._retired:
            if at <= now:
                ear.close()
        self._retired = [(at, ear) for at, ear in self._retired if at > now]

    def close(self) -> None:
        """End all ears and their threads."""
        self.retire()
        self.tidy(float("inf"))

    def arm(self) -> set[str]:
        """Make the ear anew where it misses a folder; return the files that changed before it began to listen."""
        changed: set[str] = set()
        if not self.stale:
            return changed
        for _ in range(_ARM_TRIES + len(self._places)):
            wanted = self._wanted()
            began = time.monotonic()
            if self._content(wanted):
                self.stale = False
                for place in self._places:
                    place.unheard = ""
                return changed
            if began < self.after:
                return changed
            self._generation += 1
            try:
                ear = Ear(
                    [folder or "/" for folder in wanted],
                    step=self._pace.step,
                    debounce=self._pace.debounce,
                    heard=self._hear,
                    failed=partial(self._fail, self._generation),
                )
            except VanishedError:
                changed |= self._rescan([folder for folder, known in wanted.items() if _identity(folder) != known])
                continue
            except EarError as error:
                listening = (place for place in self._places if place.listens)
                max(listening, key=lambda place: len(place.tree.folders())).limit = str(error)
                continue
            new = [folder for folder, identity in wanted.items() if self.armed.get(folder) != identity]
            self.retire()
            self._ear, self.armed, self._armed_at = ear, wanted, began
            self.after = time.monotonic() + _ARM_SHARE * (time.monotonic() - began)
            changed |= self._rescan(new)
        self.after = time.monotonic() + _PATIENCE
        return changed

    def _wanted(self) -> dict[str, Identity]:
        wanted: dict[str, Identity] = {}
        for place in self._places:
            if place.listens:
                wanted |= place.tree.folders()
        return wanted

    def _content(self, wanted: dict[str, Identity]) -> bool:
        """Whether the ear listens to all that is `wanted`, and to nothing that is polled."""
        if not wanted:
            self.retire()
            return True
        polled = (folder for place in self._places if place.polled for folder in place.tree.folders())
        return self._ear is not None and wanted.items() <= self.armed.items() and self.armed.keys().isdisjoint(polled)

    def _rescan(self, folders: list[str]) -> set[str]:
        """List these folders and all below them, each in every tree that it is part of."""
        known = set(folders)
        changed: set[str] = set()
        for tree in (place.tree for place in self._places):
            for folder in folders:
                above = os.path.dirname(folder)  # noqa: PTH120 - text, not a Path
                comes_with_it = above != folder and above in known and tree.covers(above)
                if tree.covers(folder) and not comes_with_it:
                    changed |= tree.scan(folder)
        return changed

    # --- in the ear's thread

    def _hear(self, sounds: Sounds) -> None:
        deleted = {path for kind, path in sounds if kind == DELETED}
        files: set[Path] = set()
        stirred: dict[str, bool] = {}
        for path in {path for _, path in sounds}:
            try:
                info = os.lstat(path)
            except OSError:
                info = None
            heard = {place.tree.note(path, info) for place in self._places}
            if Heard.FILE in heard:
                files.add(Path(path))
            if Heard.FOLDER in heard:
                stirred[path.rstrip("/")] = path in deleted
                if info is not None and not stat.S_ISDIR(info.st_mode):  # a file where a folder was
                    stirred[path.rpartition("/")[0]] = False
        if files:
            self._tell(frozenset(files))
        if stirred:
            with self._lock:
                for path, gone in stirred.items():
                    self._stirred[path] = gone or self._stirred.get(path, False)
            self._wake()

    def _fail(self, generation: int, error: str) -> None:
        with self._lock:
            self._failed = (generation, error)
        self._wake()


def _identity(folder: str) -> Identity | None:
    try:
        info = os.stat(folder or "/")  # noqa: PTH116 - thousands in a row
    except OSError:
        return None
    return info.st_dev, info.st_ino
