"""The event log, read on from where it was left. It blocks: for one worker thread.

The agents write it anew with every event, by rename: it is another file each time, and yet only longer. So what
lies just before the place where it was left is compared, and where that is the same, only the rest is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.ledger import Happening
from supervisor.formats import eventlog
from supervisor.ports import FileRead, Files

AT_ONCE = 8 << 20
"""Most bytes that are read in one go, and of one line."""

_ANCHOR = 512


@dataclass(frozen=True, slots=True)
class News:
    """What one reading of the event log brought.

    Args:
        fresh: it is the whole log, not what was added.
        torn: its last line is unfinished.
        written: when it was last written (s since the epoch).
        error: why it could not be read; "" where it could.
        gone: there is none.
    """

    fresh: bool = True
    happenings: tuple[Happening, ...] = ()
    problems: tuple[Problem, ...] = ()
    torn: bool = False
    written: float = 0.0
    error: str = ""
    gone: bool = False


class EventReader:
    """Reads the event log at `path`."""

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files
        self._mark: dict[str, int] = {}
        self._there = False
        self._forget()

    def read(self) -> News | None:
        """Return what is new, None where the file is as it was."""
        for got in self._get():
            if got is None and not self._there:
                return None
            self._there = got is not None
            if isinstance(got, FileRead):
                self._mark = {self._path.name: got.mark}
                return self._take(got)
            self._forget()
            self._mark = {}
            return News(gone=True) if got is None else News(error=got.strerror or str(got))
        return None

    def _forget(self) -> None:
        self._offset = self._lines = 0
        self._anchor = b""

    def _get(self) -> list[FileRead | OSError | None]:
        """Return the log from just before the place where it was left; nothing where it has not changed."""
        start = self._offset - len(self._anchor)
        found = self._files.read(self._path.parent, (self._path.name,), AT_ONCE, known=self._mark, start=start)
        return [got for _, got in found]

    def _take(self, got: FileRead) -> News:
        fresh = not self._anchor or not got.data.startswith(self._anchor)
        happenings: list[Happening] = []
        problems: list[Problem] = []
        if fresh and self._anchor:
            self._forget()
            got = self._more(got)
        while True:
            data = got.data[len(self._anchor) :]
            parsed = eventlog.parse(data, self._lines + 1)
            happenings += parsed.happenings
            problems += parsed.problems
            used = len(data) - len(parsed.rest)
            self._pass(data[:used])
            if got.whole:
                return News(fresh, tuple(happenings), tuple(problems), bool(parsed.rest), got.changed)
            if not used:
                number = self._lines + 1
                problems.append(Problem(CheckName.PARSE, f"a line of more than {AT_ONCE >> 20} MiB", number))
                self._pass(data)
            got = self._more(got)

    def _pass(self, data: bytes) -> None:
        self._offset += len(data)
        self._lines += data.count(b"\n")
        self._anchor = (self._anchor + data)[-_ANCHOR:]

    def _more(self, got: FileRead) -> FileRead:
        """Return the next stretch of a log that is longer than one, or that is begun anew."""
        start = self._offset - len(self._anchor)
        found = self._files.read(self._path.parent, (self._path.name,), AT_ONCE, known={}, start=start)
        more = next((more for _, more in found), None)
        return more if isinstance(more, FileRead) else FileRead(b"", got.changed, got.mark)
