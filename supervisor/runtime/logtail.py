"""A log that grows, read on from where it was left, through its rotations. It blocks: for one worker thread.

It may be rotated by a rename (`error.log` becomes `error.log.1`), or by a copy after which it is cut off. So where a
file was left is known by its inode, and by what stands just before that place. A file in which that stands at that
place goes on from there, whatever its name and its inode by now; any other is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from supervisor.ports import Files, FileTail

LIMIT = 64 << 20
"""Most bytes that one reading takes, of the log and the rotated files together: the newest."""

_ANCHOR = 512
_KEPT = 16  # files that are remembered, the log and those that were rotated last


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file was left: behind its first `offset` bytes, of which `anchor` are the last."""

    identity: int
    offset: int
    anchor: bytes

    def since(self) -> FileTail:
        """Return what has the file read from the anchor on."""
        return FileTail(b"", self.offset - len(self.anchor), 0, 0.0, self.identity)

    def stands_in(self, tail: FileTail) -> bool:
        """Whether a file, as far as it was read, goes on from here. Of one that was empty nobody can tell."""
        start = self.offset - len(self.anchor) - tail.offset
        return self.anchor != b"" and start >= 0 and tail.data.startswith(self.anchor, start)


class LogTail:
    """Follows the log at `path`; rotated files are `path`.1, the newest of them, `path`.2 and so on.

    `exists`: there was something to read, at some time.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self.exists = False
        self._path = path
        self._files = files
        self._log: _Place | None = None
        self._known: tuple[_Place, ...] = ()  # of the log and of rotated files, those read last in front

    def read(self, take: Callable[[bytes], bytes], oldest: float) -> bool:
        """Hand what is new to `take`, the newest file first; it returns its unfinished end, to be handed out again.

        Nothing is sought in rotated files that were last written before `oldest` (s since the epoch).
        Returns False where the log is another one than before: what it says may have been handed out already.
        Raises OSError where a file can not be read; the next time everything is handed out again.
        """
        known, room = list(self._known), LIMIT
        log, goes_on = None, self._log is None or not self._log.anchor
        for number in count():
            path = self._path.with_name(f"{self._path.name}.{number}") if number else self._path
            tail, origin = self._look(path, known, max(room, _ANCHOR))
            if tail is None or (number and tail.mtime < oldest):
                if number:
                    break
                continue
            place = _taken(tail, origin, take)
            room -= len(tail.data)
            # The log may be rotated while we go from file to file: how far it was read just now counts.
            known = [place, *(other for other in known if other is not origin)]
            log = log if number else place
            goes_on = goes_on or origin is self._log
            if number and origin is not None:
                break
        replaced = log is not None and not goes_on
        self._known = _remembered(place for place in known if not (replaced and place is self._log))
        self._log = self._log if log is None and not goes_on else log  # one that is gone may come back
        self.exists = self.exists or bool(known)
        return not replaced

    def _look(self, path: Path, known: Sequence[_Place], limit: int) -> tuple[FileTail | None, _Place | None]:
        """Read a file; return it with the place from which it goes on, None where it is new."""
        glance = self._files.tail(path, 0)
        if glance is None:
            return None, None
        left = next((place for place in known if place.identity == glance.identity), None)
        if left is not None:
            tail = self._files.tail(path, limit, left.since())
            if tail is None or left.stands_in(tail):
                return tail, left
        tail = self._files.tail(path, limit)
        if tail is None:
            return None, None
        return tail, max((place for place in known if place.stands_in(tail)), key=_offset, default=None)


def _taken(tail: FileTail, origin: _Place | None, take: Callable[[bytes], bytes]) -> _Place:
    """Hand out what is new in a file; return where it was left."""
    cut = tail.data.find(b"\n") + 1 if tail.offset else 0  # the end of a line whose beginning was not read
    start = cut if origin is None else origin.offset - tail.offset
    end = len(tail.data) - len(take(tail.data[start:]))
    return _Place(tail.identity, tail.offset + end, tail.data[max(0, end - _ANCHOR) : end])


def _remembered(places: Iterable[_Place]) -> tuple[_Place, ...]:
    """Return the first place in each file."""
    first: dict[int, _Place] = {}
    for place in places:
        first.setdefault(place.identity, place)
    return tuple(first.values())[:_KEPT]


def _offset(place: _Place) -> int:
    return place.offset
