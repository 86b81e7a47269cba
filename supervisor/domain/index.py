"""The books in memory: every invoice by path and by number, the ledger, the event log and the queues beside them.

Whatever is put in or taken out makes its subjects dirty and moves the totals by just that. A mutable machine,
and a pure one: it is told what the files say, and reads none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from supervisor.domain.books import (
    Case,
    Document,
    EventsCase,
    FileCase,
    InvoiceCase,
    LedgerCase,
    Queue,
    QueueCase,
    Scope,
    Subject,
    TotalsCase,
    Trail,
)
from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.ledger import Entry, Happening, Ledger
from supervisor.domain.money import EXACT
from supervisor.domain.totals import RunningTotals, Totals

_PROBLEMS_KEPT = 1000
_TORN = Problem(CheckName.PARSE, "the last line is unfinished")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many messages a queue may hold, and how old (s) the oldest may be."""

    queue_depth: int = 100
    queue_age: float = 3600.0


@dataclass(frozen=True, slots=True)
class Book:
    """A file that invoices are compared with.

    Args:
        written: when it was last written (s since the epoch).
        readable: False where it is there, and can not be read: nothing is compared with it then.
    """

    path: str
    written: float = 0.0
    readable: bool = True


@dataclass(slots=True)
class _Events:
    book: Book | None = None
    trails: dict[str, Trail] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    torn: bool = False

    def pass_on(self, happenings: Iterable[Happening]) -> Iterator[str]:
        """Take in what happened next; yield the numbers of the invoices that it concerns."""
        for happening in happenings:
            self.trails[happening.invoice] = self.trails.get(happening.invoice, Trail()).after(happening)
            yield happening.invoice


class Index:
    """All books side by side.

    Args:
        currency: of amounts whose file names none, and of the ledger (ISO 4217).
    """

    def __init__(self, currency: str, limits: Limits) -> None:
        self.currency = currency
        self.limits = limits
        self._documents: dict[str, Document] = {}
        self._paths: dict[str, tuple[str, ...]] = {}
        self._leftovers: dict[str, float] = {}
        self._ledger_book: Book | None = None
        self._ledger = Ledger()
        self._torn: Problem | None = None
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._events = _Events()
        self._queues: dict[str, Queue] = {}
        self._totals = RunningTotals()
        self._dirty: set[Subject] = set()

    def __len__(self) -> int:
        return len(self._documents)

    # --- what the files say ---

    def put(self, document: Document) -> None:
        """Take in one file of the state folder, in the place of what it said before."""
        old = self._documents.get(document.path)
        if old is None and _number(document) not in self._paths:
            self._put_new(document)
        else:
            self._exchange(document.path, old, document)
        if document.problems or (old is not None and old.problems):
            self._dirty.add(Subject(Scope.FILE, document.path))

    def put_leftover(self, path: str, written: float) -> None:
        """Take in a temporary file that lies in the state folder, last written at `written` (s since the epoch)."""
        self._leftovers[path] = written
        self._dirty.add(Subject(Scope.FILE, path))

    def drop(self, path: str) -> None:
        """A file of the state folder is gone."""
        old = self._documents.get(path)
        if old is not None:
            self._exchange(path, old, None)
        self._leftovers.pop(path, None)
        self._dirty.add(Subject(Scope.FILE, path))

    def use_ledger(self, book: Book | None, ledger: Ledger) -> None:
        """Take in the whole ledger; `book` None: there is none.

        While its end is missing, what it held before stands, whatever lies behind the cut; where nothing is known of
        before, nothing is compared with it.
        """
        self._torn = ledger.torn
        if book is not None and ledger.torn is not None:
            self._dirty.add(Subject(Scope.LEDGER, book.path))
            if _compared(self._ledger_book) == book.path:
                self._ledger_book = book
                return
            book, ledger = replace(book, readable=False), Ledger(problems=ledger.problems)
        entries: dict[str, list[Entry]] = {}
        for entry in ledger.entries:
            entries.setdefault(entry.number, []).append(entry)
        fresh = {number: tuple(found) for number, found in entries.items()}
        old, before = self._entries, self._ledger_book
        if _compared(before) != _compared(book):
            self._dirty.update(Subject(Scope.INVOICE, number) for number in self._paths)
        self._dirty.update(
            Subject(Scope.INVOICE, number)
            for number in old.keys() | fresh.keys()
            if not _same(old.get(number, ()), fresh.get(number, ()))
        )
        for one in (before, book):
            if one is not None:
                self._dirty |= {Subject(Scope.LEDGER, one.path), Subject(Scope.TOTALS, one.path)}
        self._ledger_book, self._ledger, self._entries = book, ledger, fresh

    def use_events(
        self, book: Book | None, happenings: Iterable[Happening], problems: Sequence[Problem], *, torn: bool = False
    ) -> None:
        """Take in the whole event log; `book` None: there is none. `torn`: its last line is unfinished."""
        before, self._events = self._events, _Events(book, {}, tuple(problems[:_PROBLEMS_KEPT]), torn)
        old, new = before.trails, self._events.trails
        known = {*old, *self._events.pass_on(happenings)}
        self._dirty.update(Subject(Scope.INVOICE, number) for number in known if old.get(number) != new.get(number))
        if _compared(before.book) != _compared(book):
            self._dirty.update(Subject(Scope.INVOICE, number) for number in self._paths)
        self._dirty.update(Subject(Scope.EVENTS, one.path) for one in (before.book, book) if one is not None)

    def more_events(
        self, book: Book, happenings: Iterable[Happening], problems: Sequence[Problem], *, torn: bool = False
    ) -> None:
        """Take in what was added to the event log."""
        events = self._events
        self._dirty.update(Subject(Scope.INVOICE, number) for number in events.pass_on(happenings))
        if problems or events.torn != torn:
            self._dirty.add(Subject(Scope.EVENTS, book.path))
        events.book, events.torn = book, torn
        events.problems = (*events.problems, *problems)[:_PROBLEMS_KEPT]

    def put_queue(self, queue: Queue) -> None:
        """Take in one queue, whole."""
        self._queues[queue.path] = queue
        self._dirty.add(Subject(Scope.QUEUE, queue.path))

    def drop_queue(self, path: str) -> None:
        """A queue was taken by its consumer."""
        if self._queues.pop(path, None) is not None:
            self._dirty.add(Subject(Scope.QUEUE, path))

    # --- questions ---

    def take_dirty(self) -> set[Subject]:
        """Return what changed since the last call."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def case(self, subject: Subject, now: float) -> Case | None:
        """Return what a check needs to know of `subject` at `now`; None where there is nothing left of it."""
        match subject.scope:
            case Scope.FILE:
                return self._file_case(subject.name)
            case Scope.INVOICE:
                return self._invoice_case(subject.name)
            case Scope.LEDGER:
                return self._ledger_case(subject.name)
            case Scope.TOTALS:
                return self._totals_case(subject.name)
            case Scope.EVENTS:
                return self._events_case(subject.name)
            case _:
                queue, limits = self._queues.get(subject.name), self.limits
                return None if queue is None else QueueCase(queue, now, limits.queue_depth, limits.queue_age)

    def paths(self, subject: Subject) -> set[str]:
        """Return the files that a judgement of `subject` rests on."""
        if subject.scope is not Scope.INVOICE:
            return {subject.name}
        books = (self._ledger_book, self._events.book)
        return {*self._paths.get(subject.name, ()), *(book.path for book in books if book is not None)}

    def written(self, subject: Subject) -> float:
        """Return when the newest of those files was last written (s since the epoch)."""
        paths = self.paths(subject)
        times = [book.written for book in (self._ledger_book, self._events.book) if book and book.path in paths]
        times += [self._documents[path].written for path in paths if path in self._documents]
        times += [self._queues[path].written for path in paths if path in self._queues]
        times += [self._leftovers[path] for path in paths if path in self._leftovers]
        return max(times, default=0.0)

    def totals(self) -> Totals:
        """Return the totals of this moment."""
        return self._totals.now()

    def queues(self) -> tuple[Queue, ...]:
        """Return the queues, by name."""
        return tuple(sorted(self._queues.values(), key=lambda queue: queue.name))

    def known(self) -> Iterator[str]:
        """Yield the paths of all files of the state folder that are taken in."""
        yield from self._documents
        yield from self._leftovers

    def known_queues(self) -> set[str]:
        """Return the paths of all queues that are taken in."""
        return set(self._queues)

    def paid_since(self, since: float) -> list[tuple[Invoice, Trail | None]]:
        """Return the invoices that were paid at or after `since` (s since the epoch), and what is known of each."""
        trails = self._events.trails
        # The copy and the original of an invoice that is being archived are one: see `_counted`.
        numbers = dict.fromkeys(
            invoice.number
            for document in self._documents.values()
            if (invoice := document.invoice) is not None and _paid_since(invoice, trails, since)
        )
        return [
            (invoice, trails.get(number))
            for number in numbers
            for invoice in self._counted(number).values()
            if _paid_since(invoice, trails, since)
        ]

    # --- inside ---

    def _put_new(self, document: Document) -> None:
        """Take in a new file of a new number, as all are in a first listing: there is nothing to take back."""
        number = _number(document)
        self._documents[document.path], self._paths[number] = document, (document.path,)
        if document.invoice is not None:
            self._totals.add(document.invoice)
        self._dirty.add(Subject(Scope.INVOICE, number))

    def _exchange(self, path: str, old: Document | None, document: Document | None) -> None:
        """Put `document`, or nothing, in the place of `old`."""
        numbers = {_number(one) for one in (old, document) if one is not None}
        for number in numbers:
            for invoice in self._counted(number).values():
                self._totals.remove(invoice)
        if document is None:
            self._documents.pop(path, None)
        else:
            self._documents[path] = document
        if old is not None:
            self._paths[_number(old)] = tuple(other for other in self._paths[_number(old)] if other != path)
        if document is not None:
            number = _number(document)
            self._paths[number] = tuple(sorted((*self._paths.get(number, ()), path)))
        for number in numbers:
            if not self._paths[number]:
                del self._paths[number]
            for invoice in self._counted(number).values():
                self._totals.add(invoice)
            self._dirty.add(Subject(Scope.INVOICE, number))

    def _counted(self, number: str) -> dict[str, Invoice]:
        """Return the invoices of this number that count, by client.

        An agent that archives writes the copy before it removes the original: that is one invoice, not two.
        """
        counted: dict[str, Invoice] = {}
        archived: set[str] = set()
        for path in self._paths.get(number, ()):
            document = self._documents[path]
            invoice = document.invoice
            if invoice is not None and (invoice.client not in counted or invoice.client not in archived):
                counted[invoice.client] = invoice
                if document.archived:
                    archived.add(invoice.client)
        return counted

    def _file_case(self, path: str) -> FileCase | None:
        document = self._documents.get(path)
        return FileCase(path, document) if document is not None or path in self._leftovers else None

    def _ledger_case(self, path: str) -> LedgerCase | None:
        if self._ledger_book is None or path != self._ledger_book.path:
            return None
        return LedgerCase(path, (*self._ledger.problems, *([] if self._torn is None else [self._torn])))

    def _totals_case(self, path: str) -> TotalsCase | None:
        if path != _compared(self._ledger_book):
            return None
        sums: dict[Status, Decimal] = {}
        for entry in self._ledger.entries:
            sums[entry.section] = EXACT.add(sums.get(entry.section, Decimal()), entry.amount or Decimal())
        return TotalsCase(path, self._ledger, sums, self.currency)

    def _events_case(self, path: str) -> EventsCase | None:
        events = self._events
        if events.book is None or path != events.book.path:
            return None
        return EventsCase(path, (*events.problems, *([_TORN] if events.torn else [])))

    def _invoice_case(self, number: str) -> InvoiceCase | None:
        documents = tuple(self._documents[path] for path in self._paths.get(number, ()))
        entries = self._entries.get(number, ())
        trail = self._events.trails.get(number)
        if not documents and not entries:
            return None
        ledger, events = _compared(self._ledger_book), _compared(self._events.book)
        return InvoiceCase(number, documents, entries, trail, ledger, events, self.currency)


def _number(document: Document) -> str:
    """Return the invoice's number; of a file that can not be read, what it most likely is: agents name it so."""
    if document.invoice is not None:
        return document.invoice.number
    return document.path.rpartition("/")[2].rpartition(".")[0]


def _compared(book: Book | None) -> str | None:
    """Return the path of a file that can be compared with."""
    return book.path if book is not None and book.readable else None


def _same(old: Sequence[Entry], new: Sequence[Entry]) -> bool:
    """Whether the entries say the same, wherever they stand by now."""
    return [*map(_words, old)] == [*map(_words, new)]


def _words(entry: Entry) -> tuple[object, ...]:
    return entry.section, entry.amount, entry.word, entry.client, entry.date


def _paid_since(invoice: Invoice, trails: Mapping[str, Trail], since: float) -> bool:
    if invoice.status is not Status.PAID:
        return False
    paid_at = invoice.paid_at
    if paid_at is None and (trail := trails.get(invoice.number)) is not None:
        paid_at = trail.paid_at
    return paid_at is not None and paid_at >= since
