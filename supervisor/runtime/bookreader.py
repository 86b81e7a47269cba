"""The files of the books -> the index. What has not changed is passed over. It blocks: for one worker thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from supervisor.domain.books import Document, Queue
from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.index import Book, Index
from supervisor.domain.ledger import Ledger
from supervisor.formats import invoice, ledger, queue
from supervisor.ports import FileRead, Files
from supervisor.runtime.eventreader import EventReader, News

LEDGER_LIMIT = 64 << 20
QUEUE_LIMIT = 64 << 20
PORTION = 500
"""Files that are read before somebody else has a turn."""

_TORN = Problem(CheckName.QUEUE_PARSE, "the last line is unfinished")


@dataclass(frozen=True, slots=True)
class BookPlaces:
    """Where the books lie: `state` and `queues` are folders, the rest are files."""

    state: Path
    ledger: Path
    event_log: Path
    queues: Path
    payment_queue: Path


class BookReader:
    """Keeps an index true to the files."""

    def __init__(self, places: BookPlaces, files: Files, index: Index) -> None:
        self.index = index
        self._places = places
        self._files = files
        self._marks: dict[str, dict[str, int]] = {}
        self._events = EventReader(places.event_log, files)

    def concerns(self, path: Path) -> bool:
        """Whether a file belongs to the books. For any thread."""
        return self._kind(path) is not None

    def read(self, paths: Iterable[Path]) -> int:
        """Read these files, where they have changed; return how many were read."""
        state: dict[Path, list[str]] = {}
        later: list[Path] = []
        for path in paths:
            if self._kind(path) == "state":
                state.setdefault(path.parent, []).append(path.name)
            else:
                later.append(path)
        # What is written first is read first: an invoice before the event that tells of it, and that before the ledger.
        count = sum(self._read_state(folder, names) for folder, names in state.items())
        for path in sorted(later, key=lambda path: path == self._places.ledger):
            count += self._read_other(path)
        return count

    def read_all(self, folders: Mapping[Path, frozenset[str]]) -> Iterator[int]:
        """Read everything that lies in `folders`, and take out what does not; yield now and then how many were read."""
        seen: set[str] = set()
        read = 0
        for folder, names in folders.items():
            wanted = (name for name in names if self._kind(folder / name) == "state")
            while portion := list(islice(wanted, PORTION)):
                read += self._read_state(folder, portion)
                seen.update(f"{folder}/{name}" for name in portion)
                yield read
        for gone in self.index.known() - seen:
            self._drop(gone)
        queues = {folder / name for folder, names in folders.items() for name in names}
        queues = {path for path in queues if self._kind(path) == "queue"}
        for path in sorted(queues | {Path(path) for path in self.index.known_queues()}):
            read += self._read_other(path)
        read += self._read_other(self._places.event_log)
        read += self._read_other(self._places.ledger)
        yield read

    # --- inside ---

    def _kind(self, path: Path) -> str | None:
        """Return "ledger", "events", "queue", "state", None for what is no book."""
        places = self._places
        if path == places.ledger:
            return "ledger"
        if path == places.event_log:
            return "events"
        if path == places.payment_queue or (path.parent == places.queues and queue.is_queue(path.name)):
            return "queue"
        return "state" if self._place(path) is not None else None

    def _place(self, path: Path) -> invoice.Place | None:
        try:
            return invoice.place(path.relative_to(self._places.state).parts)
        except ValueError:
            return None

    def _read_state(self, folder: Path, names: Iterable[str]) -> int:
        marks = self._marks.setdefault(str(folder), {})
        read = 0
        for name, got in self._files.read(folder, names, invoice.LIMIT, known=marks):
            path = folder / name
            if got is None:
                self._drop(str(path))
                continue
            read += 1
            if isinstance(got, FileRead):
                marks[name] = got.mark
            else:
                marks.pop(name, None)
            self._take(path, got)
        return read

    def _take(self, path: Path, got: FileRead | OSError) -> None:
        place = self._place(path)
        written = got.changed if isinstance(got, FileRead) else 0.0
        if place is None or place.leftover:
            self.index.put_leftover(str(path), written)
            return
        if isinstance(got, OSError) or not got.whole:
            self.index.put(Document(str(path), place.archived, None, _trouble(got, invoice.LIMIT), written))
            return
        parsed = invoice.parse(got.data, stem=place.stem, folder=place.folder, currency=self.index.currency)
        self.index.put(Document(str(path), place.archived, parsed.invoice, parsed.problems, written))

    def _drop(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        self._marks.get(folder, {}).pop(name, None)
        self.index.drop(path)

    def _read_other(self, path: Path) -> int:
        kind = self._kind(path)
        if kind == "events":
            news = self._events.read()
            if news is not None:
                self._take_events(news)
            return int(news is not None)
        marks = self._marks.setdefault(str(path.parent), {})
        limit = LEDGER_LIMIT if kind == "ledger" else QUEUE_LIMIT
        for name, got in self._files.read(path.parent, (path.name,), limit, known=marks):
            marks.pop(name, None)
            if isinstance(got, FileRead):
                marks[name] = got.mark
            if kind == "ledger":
                self._take_ledger(got)
            elif kind == "queue":
                self._take_queue(path, got)
            return int(got is not None)
        return 0

    def _take_ledger(self, got: FileRead | OSError | None) -> None:
        path = str(self._places.ledger)
        if got is None:
            self.index.use_ledger(None, Ledger())
        elif isinstance(got, OSError) or not got.whole:
            self.index.use_ledger(Book(path, readable=False), Ledger(problems=_trouble(got, LEDGER_LIMIT)))
        else:
            self.index.use_ledger(Book(path, got.changed), ledger.parse(got.data))

    def _take_queue(self, path: Path, got: FileRead | OSError | None) -> None:
        name = path.name.partition(".")[0]
        if got is None:
            self.index.drop_queue(str(path))
        elif isinstance(got, OSError) or not got.whole:
            trouble = _trouble(got, QUEUE_LIMIT, CheckName.QUEUE_PARSE)
            self.index.put_queue(Queue(str(path), name, problems=trouble))
        else:
            parsed = queue.parse(got.data)
            problems = (*parsed.problems, *([_TORN] if parsed.rest else []))
            self.index.put_queue(Queue(str(path), name, parsed.messages, problems, got.changed))

    def _take_events(self, news: News) -> None:
        path = str(self._places.event_log)
        if news.gone:
            self.index.use_events(None, (), ())
        elif news.error:
            problem = Problem(CheckName.PARSE, f"can not be read: {news.error}")
            self.index.use_events(Book(path, readable=False), (), (problem,))
        else:
            use = self.index.use_events if news.fresh else self.index.more_events
            use(Book(path, news.written), news.happenings, news.problems, torn=news.torn)


def _trouble(got: FileRead | OSError, limit: int, check: CheckName = CheckName.PARSE) -> tuple[Problem, ...]:
    """Return why a file can not be taken at all, nothing where it can."""
    if isinstance(got, OSError):
        return (Problem(check, f"can not be read: {got.strerror or got}"),)
    return () if got.whole else (Problem(check, f"is larger than {limit >> 20} MiB"),)
