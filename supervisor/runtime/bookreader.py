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


class _Folder:
    """One folder with books in it.

    Attributes:
        books: by name, what the files are that are no invoices: "ledger", "events", "queue".
        shelf: None where no invoices lie in it.
        marks: the marks of the files that were read.
    """

    __slots__ = ("books", "marks", "path", "shelf", "text")

    def __init__(self, path: Path, books: dict[str, str], shelf: invoice.Shelf | None) -> None:
        self.path = path
        self.text = str(path)
        self.books = books
        self.shelf = shelf
        self.marks: dict[str, int] = {}

    def places(self, names: Iterable[str]) -> Iterator[tuple[str, invoice.Place]]:
        """Yield what those of the files are that are the state folder's."""
        return ((name, place) for name in names if (place := self.place(name)) is not None)

    def place(self, name: str) -> invoice.Place | None:
        """Return what a file of the state folder is, None for what is no invoice's, or no file of that folder."""
        return None if self.shelf is None or name in self.books else self.shelf.place(name)


class BookReader:
    """Keeps an index true to the files."""

    def __init__(self, places: BookPlaces, files: Files, index: Index) -> None:
        self.index = index
        self._places = places
        self._files = files
        self._folders: dict[Path, _Folder] = {}
        self._events = EventReader(places.event_log, files)

    def concerns(self, path: Path) -> bool:
        """Whether a file belongs to the books."""
        folder = self._folder(path.parent)
        return self._book(folder, path.name) is not None or folder.place(path.name) is not None

    def read(self, paths: Iterable[Path]) -> int:
        """Read these files, where they have changed; return how many were read."""
        state: dict[Path, dict[str, invoice.Place]] = {}
        books: list[Path] = []
        for path in paths:
            folder = self._folder(path.parent)
            if self._book(folder, path.name) is not None:
                books.append(path)
            elif (place := folder.place(path.name)) is not None:
                state.setdefault(path.parent, {})[path.name] = place
        # What is written first is read first: an invoice before the event that tells of it, and that before the ledger.
        count = sum(self._read_state(self._folder(path), places) for path, places in state.items())
        for path in sorted(books, key=lambda path: path == self._places.ledger):
            count += self._read_book(path)
        return count

    def read_all(self, folders: Mapping[Path, frozenset[str]]) -> Iterator[int]:
        """Read everything that lies in `folders`, and take out what does not; yield now and then how many were read."""
        queues: set[Path] = set()
        read = 0
        for path, names in folders.items():
            folder = self._folder(path)
            queues.update(path / name for name in names if self._book(folder, name) == "queue")
            places = folder.places(names)
            while portion := dict(islice(places, PORTION)):
                read += self._read_state(folder, portion)
                yield read
        listed = {str(path): names for path, names in folders.items()}
        for gone in [path for path in self.index.known() if not _lies(path, listed)]:
            self._drop(Path(gone))
        for path in sorted(queues | {Path(path) for path in self.index.known_queues()}):
            read += self._read_book(path)
        read += self._read_book(self._places.event_log)
        read += self._read_book(self._places.ledger)
        yield read

    # --- inside ---

    def _folder(self, path: Path) -> _Folder:
        known = self._folders.get(path)
        if known is None:
            places = self._places
            kinds = {places.ledger: "ledger", places.event_log: "events", places.payment_queue: "queue"}
            books = {file.name: kind for file, kind in kinds.items() if file.parent == path}
            below = path.is_relative_to(places.state)
            shelf = invoice.shelf(path.relative_to(places.state).parts) if below else None
            known = self._folders[path] = _Folder(path, books, shelf)
        return known

    def _book(self, folder: _Folder, name: str) -> str | None:
        """Return "ledger", "events" or "queue"; None for all other files."""
        if folder.path == self._places.queues and queue.is_queue(name):
            return "queue"
        return folder.books.get(name)

    def _read_state(self, folder: _Folder, places: Mapping[str, invoice.Place]) -> int:
        read = 0
        for name, got in self._files.read(folder.path, places, invoice.LIMIT, known=folder.marks):
            if got is None:
                folder.marks.pop(name, None)
                self.index.drop(f"{folder.text}/{name}")
                continue
            read += 1
            if isinstance(got, FileRead):
                folder.marks[name] = got.mark
            else:
                folder.marks.pop(name, None)
            self._take(f"{folder.text}/{name}", places[name], got)
        return read

    def _take(self, path: str, place: invoice.Place, got: FileRead | OSError) -> None:
        written = got.changed if isinstance(got, FileRead) else 0.0
        if place.leftover:
            self.index.put_leftover(path, written)
        elif isinstance(got, OSError) or not got.whole:
            self.index.put(Document(path, place.archived, None, _trouble(got, invoice.LIMIT), written))
        else:
            parsed = invoice.parse(got.data, stem=place.stem, folder=place.folder, currency=self.index.currency)
            self.index.put(Document(path, place.archived, parsed.invoice, parsed.problems, written))

    def _drop(self, path: Path) -> None:
        self._folder(path.parent).marks.pop(path.name, None)
        self.index.drop(str(path))

    def _read_book(self, path: Path) -> int:
        folder = self._folder(path.parent)
        kind = self._book(folder, path.name)
        if kind == "events":
            news = self._events.read()
            if news is not None:
                self._take_events(news)
            return int(news is not None and not news.gone)
        limit = LEDGER_LIMIT if kind == "ledger" else QUEUE_LIMIT
        for name, got in self._files.read(path.parent, (path.name,), limit, known=folder.marks):
            folder.marks.pop(name, None)
            if isinstance(got, FileRead):
                folder.marks[name] = got.mark
            if kind == "ledger":
                self._take_ledger(got)
            else:
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


def _lies(path: str, listed: Mapping[str, frozenset[str]]) -> bool:
    folder, _, name = path.rpartition("/")
    return name in listed.get(folder, ())


def _trouble(got: FileRead | OSError, limit: int, check: CheckName = CheckName.PARSE) -> tuple[Problem, ...]:
    """Return why a file can not be taken at all, nothing where it can."""
    if isinstance(got, OSError):
        return (Problem(check, f"can not be read: {got.strerror or got}"),)
    return () if got.whole else (Problem(check, f"is larger than {limit >> 20} MiB"),)
