"""The files of the books on disk, and the index that is kept true to them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from supervisor.domain.books import EventsCase, FileCase, InvoiceCase, LedgerCase, QueueCase, Scope, Subject
from supervisor.domain.index import Index, Limits
from supervisor.domain.invoices import Status
from supervisor.filesystem import RealFiles
from supervisor.formats import invoice
from supervisor.runtime import bookreader
from supervisor.runtime.bookreader import BookPlaces, BookReader

LINE = "- `INV-1` | $10.00 | Acme | Due: 2026-03-15 | Status: unpaid\n"
EVENT = b'{"event_id": "1", "client": "acme", "invoice": "INV-1", "event": "paid", "data": {}}\n'


class Shelf:
    """Books in a folder, and their reader."""

    def __init__(self, folder: Path) -> None:
        self.state, self.queues = folder / "state", folder / "cache" / "queues"
        (self.state / "acme").mkdir(parents=True)
        self.queues.mkdir(parents=True)
        self.ledger, self.events = self.state / "collections_ledger.md", self.state / "events.log"
        places = BookPlaces(self.state, self.ledger, self.events, self.queues, folder / "cache" / "payment_queue.json")
        self.places = places
        self.reader = BookReader(places, RealFiles(), Index("USD", Limits()))
        self.index = self.reader.index

    @property
    def invoice(self) -> Path:
        return self.state / "acme" / "INV-1.json"

    def write(self, path: Path, amount: float = 10.0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"number": path.stem, "amount": amount, "status": "unpaid"}), "utf-8")

    def relist(self) -> list[int]:
        """List everything; return how many files had been read after each portion."""
        roots = (self.state, self.queues, self.queues.parent)
        folders = {Path(top): frozenset(names) for root in roots for top, _, names in os.walk(root)}
        return list(self.reader.read_all(folders))

    def count(self) -> int:
        return sum(tally.count for tallies in self.index.totals().values() for tally in tallies.values())

    def problems(self, path: Path) -> list[str]:
        case = self.index.case(Subject(Scope.FILE, str(path)), 0.0)
        assert isinstance(case, FileCase)
        return [] if case.document is None else [problem.message for problem in case.document.problems]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_what_belongs_to_the_books(shelf: Shelf) -> None:
    state, queues = shelf.state, shelf.queues
    books = [
        shelf.ledger,
        shelf.events,
        shelf.places.payment_queue,
        queues / "a.jsonl",
        shelf.invoice,
        state / "x.json",
    ]
    books += [state / "archive" / "acme" / "INV-1.json", state / "acme" / "INV-1.json.tmp"]
    others = [
        queues / "dedupe_1.json",
        state / "notes.md",
        state / "acme" / "INV-1.json.bak",
        queues.parent / "a.jsonl",
    ]
    assert [path for path in books + others if shelf.reader.concerns(path)] == books


def test_a_full_listing_reads_everything_once_and_then_what_has_changed(shelf: Shelf) -> None:
    shelf.write(shelf.invoice)
    shelf.write(shelf.state / "x.json")
    shelf.ledger.write_text(f"## Unpaid\n{LINE}", "utf-8")
    shelf.events.write_bytes(EVENT)
    (shelf.queues / "a.jsonl").write_text('{"type": "A"}\n', "utf-8")
    shelf.places.payment_queue.write_text('{"type": "B"}\n', "utf-8")
    assert shelf.relist()[-1] == 6
    assert shelf.relist()[-1] == 0
    shelf.write(shelf.invoice, 11.0)
    assert shelf.relist()[-1] == 1
    assert [queue.name for queue in shelf.index.queues()] == ["a", "payment_queue"]


def test_a_full_listing_takes_out_what_is_gone(shelf: Shelf) -> None:
    shelf.write(shelf.invoice)
    shelf.write(shelf.state / "other" / "INV-2.json")
    (shelf.queues / "a.jsonl").write_text('{"type": "A"}\n', "utf-8")
    (shelf.state / "acme" / "INV-1.json.tmp").write_text("{", "utf-8")
    shelf.relist()
    (shelf.state / "other" / "INV-2.json").unlink()
    (shelf.state / "other").rmdir()
    (shelf.queues / "a.jsonl").unlink()
    (shelf.state / "acme" / "INV-1.json.tmp").unlink()
    shelf.relist()
    assert set(shelf.index.known()) == {str(shelf.invoice)}
    assert shelf.index.queues() == ()
    shelf.write(shelf.state / "other" / "INV-2.json")
    assert shelf.relist()[-1] == 1, "what came back is read, though it is as it was"


def test_a_listing_is_read_in_portions(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookreader, "PORTION", 3)
    for number in range(8):
        shelf.write(shelf.state / "acme" / f"INV-{number}.json")
    assert shelf.relist() == [3, 6, 8, 8]


def test_one_changed_file_is_one_file(shelf: Shelf) -> None:
    shelf.write(shelf.invoice)
    shelf.relist()
    shelf.write(shelf.invoice, 12.0)
    assert shelf.reader.read([shelf.invoice, shelf.state / "notes.md"]) == 1
    assert shelf.reader.read([shelf.invoice]) == 0
    shelf.invoice.unlink()
    assert shelf.reader.read([shelf.invoice]) == 0
    assert shelf.count() == 0


def test_what_can_not_be_read_is_a_problem_and_is_tried_again(shelf: Shelf) -> None:
    shelf.invoice.symlink_to("/etc/shadow")
    big = shelf.state / "acme" / "big.json"
    big.write_bytes(b" " * (invoice.LIMIT + 1))
    shelf.relist()
    (trouble,) = shelf.problems(shelf.invoice)
    assert trouble.startswith("can not be read: is a symbolic link")
    assert shelf.problems(big) == ["is larger than 1 MiB"]
    shelf.invoice.unlink()
    shelf.write(shelf.invoice)
    big.unlink()
    shelf.reader.read([shelf.invoice, big])
    assert shelf.problems(shelf.invoice) == []
    assert shelf.count() == 1


def test_a_ledger_that_can_not_be_read_is_no_ledger_to_compare_with(shelf: Shelf) -> None:
    shelf.write(shelf.invoice)
    shelf.ledger.write_text(f"## Unpaid\n{LINE}", "utf-8")
    shelf.relist()
    subject = Subject(Scope.INVOICE, "INV-1")
    case = shelf.index.case(subject, 0.0)
    assert isinstance(case, InvoiceCase)
    assert (case.ledger, len(case.entries)) == (str(shelf.ledger), 1)
    shelf.ledger.unlink()
    shelf.ledger.mkdir()
    shelf.reader.read([shelf.ledger])
    case = shelf.index.case(subject, 0.0)
    assert isinstance(case, InvoiceCase)
    assert case.ledger is None
    ledger = shelf.index.case(Subject(Scope.LEDGER, str(shelf.ledger)), 0.0)
    assert isinstance(ledger, LedgerCase)
    assert ledger.problems[0].message.startswith("can not be read: is a folder")
    shelf.ledger.rmdir()
    shelf.reader.read([shelf.ledger])
    assert shelf.index.case(Subject(Scope.LEDGER, str(shelf.ledger)), 0.0) is None


def test_the_event_log_comes_grows_breaks_and_goes(shelf: Shelf) -> None:
    shelf.write(shelf.invoice)
    shelf.events.write_bytes(EVENT)
    shelf.relist()
    subject = Subject(Scope.INVOICE, "INV-1")

    def paid() -> int:
        case = shelf.index.case(subject, 0.0)
        assert isinstance(case, InvoiceCase)
        return 0 if case.trail is None else len(case.trail.paid)

    assert paid() == 1
    shelf.events.write_bytes(EVENT * 2)
    assert shelf.reader.read([shelf.events]) == 1
    assert shelf.reader.read([shelf.events]) == 0
    assert paid() == 2
    shelf.events.unlink()
    shelf.events.mkdir()
    shelf.reader.read([shelf.events])
    broken = shelf.index.case(Subject(Scope.EVENTS, str(shelf.events)), 0.0)
    assert isinstance(broken, EventsCase)
    assert broken.problems[0].message.startswith("can not be read: is a folder")
    shelf.events.rmdir()
    shelf.reader.read([shelf.events])
    assert paid() == 0


def test_a_queue_that_is_broken_or_unfinished(shelf: Shelf) -> None:
    queue = shelf.queues / "a.jsonl"
    queue.write_text('{"type": "A"}\n{"type', "utf-8")
    shelf.relist()

    def said() -> list[str]:
        case = shelf.index.case(Subject(Scope.QUEUE, str(queue)), 0.0)
        assert isinstance(case, QueueCase)
        return [problem.message for problem in case.queue.problems]

    assert said() == ["the last line is unfinished"]
    queue.unlink()
    queue.mkdir()
    shelf.reader.read([queue])
    assert said()[0].startswith("can not be read: is a folder")
    queue.rmdir()
    shelf.reader.read([queue])
    assert shelf.index.queues() == ()


def test_a_ledger_elsewhere_is_read_there(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    elsewhere = tmp_path / "books" / "ledger.md"
    elsewhere.parent.mkdir()
    elsewhere.write_text(f"## Unpaid\n{LINE}", "utf-8")
    places = BookPlaces(shelf.state, elsewhere, shelf.events, shelf.queues, shelf.places.payment_queue)
    reader = BookReader(places, RealFiles(), Index("USD", Limits()))
    shelf.write(shelf.invoice)
    list(reader.read_all({shelf.invoice.parent: frozenset({shelf.invoice.name})}))
    case = reader.index.case(Subject(Scope.INVOICE, "INV-1"), 0.0)
    assert isinstance(case, InvoiceCase)
    assert [entry.section for entry in case.entries] == [Status.UNPAID]
