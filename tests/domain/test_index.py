"""The index of the books: whatever comes and goes, it agrees with books that are read anew."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from supervisor.domain.books import (
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
from supervisor.domain.index import Book, Index, Limits
from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.ledger import Entry, Happening, Ledger, Message, Total
from supervisor.domain.totals import Tally, Totals

LEDGER, EVENTS = Book("/state/ledger.md", 5.0), Book("/state/events.log", 6.0)
THE_LEDGER = {Subject(Scope.LEDGER, LEDGER.path), Subject(Scope.TOTALS, LEDGER.path)}
TORN = Problem(CheckName.PARSE, "torn")


def invoice(
    number: str = "INV-1", client: str = "acme", *, status: Status = Status.UNPAID, amount: int = 10
) -> Invoice:
    return Invoice(number, client, Decimal(amount), "USD", status, status.value)


def live(number: str = "INV-1", client: str = "acme", *, status: Status = Status.UNPAID, amount: int = 10) -> Document:
    return Document(f"/state/{client}/{number}.json", False, invoice(number, client, status=status, amount=amount))


def archived(number: str = "INV-1", client: str = "acme", *, amount: int = 10) -> Document:
    paid = invoice(number, client, status=Status.PAID, amount=amount)
    return Document(f"/state/archive/{client}/{number}.json", True, paid)


def entry(number: str = "INV-1", *, line: int = 3, amount: int = 10) -> Entry:
    return Entry(number, Status.UNPAID, Decimal(amount), Status.UNPAID, "unpaid", "Acme", "2026-03-15", line)


def happening(event: str, status: Status | None, at: float, line: int = 1, number: str = "INV-1") -> Happening:
    return Happening("e1", number, "acme", event, at, status, status.value if status else "", line)


def books() -> Index:
    return Index("USD", Limits(queue_depth=2, queue_age=60.0))


def test_a_changed_file_moves_the_totals_by_its_difference() -> None:
    index = books()
    index.put(live(amount=10))
    index.put(live(amount=25))
    assert index.totals()[Status.UNPAID] == {"USD": Tally(1, Decimal(25))}
    assert len(index) == 1
    index.drop("/state/acme/INV-1.json")
    assert index.totals()[Status.UNPAID] == {}
    assert len(index) == 0


def test_a_file_makes_its_invoice_dirty_and_the_number_that_it_had_before() -> None:
    index = books()
    index.put(live())
    assert index.take_dirty() == {Subject(Scope.INVOICE, "INV-1")}
    index.put(Document("/state/acme/INV-1.json", False, invoice("INV-2")))
    assert {Subject(Scope.INVOICE, "INV-1"), Subject(Scope.INVOICE, "INV-2")} <= index.take_dirty()
    assert index.take_dirty() == set()
    assert index.case(Subject(Scope.INVOICE, "INV-1"), 0.0) is None


def test_a_file_with_problems_is_dirty_itself_and_once_more_when_they_are_gone() -> None:
    index = books()
    subject = Subject(Scope.FILE, "/state/acme/INV-1.json")
    index.put(Document(subject.name, False, None, (TORN,)))
    assert subject in index.take_dirty()
    index.put(live())
    assert subject in index.take_dirty()
    index.put(live(amount=7))
    assert subject not in index.take_dirty()


def test_a_file_without_an_invoice_counts_nowhere() -> None:
    index = books()
    broken = Document("/state/acme/INV-1.json", False, None, (TORN,))
    index.put(broken)
    assert index.case(Subject(Scope.FILE, broken.path), 0.0) == FileCase(broken.path, broken)
    assert set(index.known()) == {broken.path}
    index.put(live())
    index.put(broken)
    assert not any(index.totals().values())


def test_an_invoice_that_is_being_archived_is_one_invoice() -> None:
    index = books()
    index.put(live(status=Status.PAID))
    index.put(archived())
    assert index.totals()[Status.PAID] == {"USD": Tally(1, Decimal(10))}
    index.drop(live().path)
    assert index.totals()[Status.PAID] == {"USD": Tally(1, Decimal(10))}


def test_two_clients_with_one_number_have_two_invoices() -> None:
    index = books()
    index.put(live(client="acme"))
    index.put(live(client="globex", amount=5))
    assert index.totals()[Status.UNPAID] == {"USD": Tally(2, Decimal(15))}
    case = index.case(Subject(Scope.INVOICE, "INV-1"), 0.0)
    assert isinstance(case, InvoiceCase)
    assert len(case.documents) == 2


def test_a_temporary_file_is_a_case_while_it_lies_there() -> None:
    index = books()
    index.put_leftover("/state/acme/INV-1.json.tmp", 7.0)
    subject = Subject(Scope.FILE, "/state/acme/INV-1.json.tmp")
    assert index.take_dirty() == {subject}
    assert index.case(subject, 0.0) == FileCase(subject.name, None)
    assert set(index.known()) == {subject.name}
    assert index.written(subject) == 7.0
    index.drop(subject.name)
    assert index.take_dirty() == {subject}
    assert index.case(subject, 0.0) is None


def test_entries_that_only_moved_are_not_dirty() -> None:
    index = books()
    index.put(live())
    index.use_ledger(LEDGER, Ledger((entry(line=3), entry("INV-2", line=4))))
    assert index.take_dirty() >= {
        Subject(Scope.INVOICE, "INV-1"),
        Subject(Scope.INVOICE, "INV-2"),
        *THE_LEDGER,
    }
    index.use_ledger(LEDGER, Ledger((entry(line=8), entry("INV-2", line=9, amount=7))))
    assert index.take_dirty() == {Subject(Scope.INVOICE, "INV-2"), *THE_LEDGER}


def test_a_ledger_that_comes_or_goes_concerns_every_invoice() -> None:
    index = books()
    index.put(live())
    index.put(live("INV-2"))
    index.take_dirty()
    index.use_ledger(LEDGER, Ledger())
    everything = {Subject(Scope.INVOICE, "INV-1"), Subject(Scope.INVOICE, "INV-2"), *THE_LEDGER}
    assert index.take_dirty() == everything
    assert index.case(Subject(Scope.LEDGER, LEDGER.path), 0.0) is not None
    index.use_ledger(None, Ledger())
    assert index.take_dirty() == everything
    assert index.case(Subject(Scope.LEDGER, LEDGER.path), 0.0) is None


def test_the_ledgers_sums_are_those_of_its_entries() -> None:
    index = books()
    ledger = Ledger((entry(amount=3), entry("INV-2", amount=4), entry("INV-3", amount=0)))
    index.use_ledger(LEDGER, ledger)
    case = index.case(Subject(Scope.TOTALS, LEDGER.path), 0.0)
    assert case == TotalsCase(LEDGER.path, ledger, {Status.UNPAID: Decimal(7)}, "USD")


CUT = Problem(CheckName.PARSE, "the last line is unfinished", 4)


def test_while_its_end_is_missing_the_ledger_holds_what_it_held() -> None:
    index = books()
    index.put(live())
    whole = Ledger((entry(), entry("INV-2")), (Total(Status.UNPAID, Decimal(9), 8),))
    index.use_ledger(LEDGER, whole)
    before = [index.case(one, 0.0) for one in (Subject(Scope.INVOICE, "INV-1"), Subject(Scope.TOTALS, LEDGER.path))]
    index.take_dirty()
    index.use_ledger(LEDGER, Ledger(torn=CUT))
    assert index.take_dirty() == {Subject(Scope.LEDGER, LEDGER.path)}
    assert index.case(Subject(Scope.LEDGER, LEDGER.path), 0.0) == LedgerCase(LEDGER.path, (CUT,))
    after = [index.case(one, 0.0) for one in (Subject(Scope.INVOICE, "INV-1"), Subject(Scope.TOTALS, LEDGER.path))]
    assert after == before
    index.use_ledger(LEDGER, whole)
    assert index.case(Subject(Scope.LEDGER, LEDGER.path), 0.0) == LedgerCase(LEDGER.path, ())
    assert index.take_dirty() == THE_LEDGER


def test_with_a_ledger_that_was_never_seen_whole_nothing_is_compared() -> None:
    index = books()
    index.put(live())
    index.use_ledger(LEDGER, Ledger((entry("INV-2"),), torn=CUT))
    case = index.case(Subject(Scope.INVOICE, "INV-1"), 0.0)
    assert isinstance(case, InvoiceCase)
    assert case.ledger is None
    assert index.case(Subject(Scope.INVOICE, "INV-2"), 0.0) is None
    assert index.case(Subject(Scope.TOTALS, LEDGER.path), 0.0) is None
    assert index.case(Subject(Scope.LEDGER, LEDGER.path), 0.0) == LedgerCase(LEDGER.path, (CUT,))
    index.take_dirty()
    index.use_ledger(LEDGER, Ledger((entry("INV-2"),)))
    assert Subject(Scope.INVOICE, "INV-1") in index.take_dirty()


def test_the_event_log_keeps_a_trail_for_each_invoice() -> None:
    index = books()
    index.put(live())
    index.use_events(EVENTS, [happening("state_update", Status.UNPAID, 10.0, 1)], [])
    index.take_dirty()
    index.more_events(EVENTS, [happening("noted", None, 15.0, 2), happening("paid", Status.PAID, 20.0, 3)], [])
    assert index.take_dirty() == {Subject(Scope.INVOICE, "INV-1")}
    case = index.case(Subject(Scope.INVOICE, "INV-1"), 0.0)
    assert isinstance(case, InvoiceCase)
    assert case.trail == Trail(happening("paid", Status.PAID, 20.0, 3), (3,), 10.0, 20.0)
    index.more_events(EVENTS, [happening("paid", Status.PAID, 30.0, 4)], [TORN])
    assert index.case(Subject(Scope.EVENTS, EVENTS.path), 0.0) == EventsCase(EVENTS.path, (TORN,))
    index.use_events(EVENTS, [happening("state_update", Status.UNPAID, 10.0, 1)], [])
    assert Subject(Scope.INVOICE, "INV-1") in index.take_dirty()
    index.more_events(EVENTS, [], [], torn=True)
    case = index.case(Subject(Scope.EVENTS, EVENTS.path), 0.0)
    assert isinstance(case, EventsCase)
    assert [problem.message for problem in case.problems] == ["the last line is unfinished"]
    assert Subject(Scope.EVENTS, EVENTS.path) in index.take_dirty()
    index.more_events(EVENTS, [], [])
    assert index.case(Subject(Scope.EVENTS, EVENTS.path), 0.0) == EventsCase(EVENTS.path, ())
    index.use_events(None, [], [])
    assert index.take_dirty() == {Subject(Scope.INVOICE, "INV-1"), Subject(Scope.EVENTS, EVENTS.path)}
    assert index.case(Subject(Scope.EVENTS, EVENTS.path), 0.0) is None


def test_an_invoice_that_only_the_event_log_knows_is_no_case() -> None:
    index = books()
    index.use_events(EVENTS, [happening("paid", Status.PAID, 20.0)], [])
    assert index.case(Subject(Scope.INVOICE, "INV-1"), 0.0) is None


def test_a_queue_is_a_case_until_its_consumer_takes_it() -> None:
    index = books()
    messages = tuple(Message(b"x", "T", "INV-1", at, line) for line, at in enumerate((50.0, None, 40.0), 1))
    queue = Queue("/queues/emailer.jsonl", "emailer", messages)
    index.put_queue(queue)
    subject = Subject(Scope.QUEUE, queue.path)
    assert index.case(subject, 90.0) == QueueCase(queue, 90.0, 2, 60.0)
    assert index.queues() == (queue,)
    assert index.known_queues() == {queue.path}
    index.take_dirty()
    index.drop_queue(queue.path)
    index.drop_queue(queue.path)
    assert index.take_dirty() == {subject}
    assert index.case(subject, 90.0) is None


def test_a_judgement_rests_on_these_files() -> None:
    index = books()
    index.put(live())
    assert index.paths(Subject(Scope.INVOICE, "INV-1")) == {live().path}
    index.use_ledger(LEDGER, Ledger())
    index.use_events(EVENTS, [], [])
    assert index.paths(Subject(Scope.INVOICE, "INV-1")) == {live().path, LEDGER.path, EVENTS.path}
    assert index.paths(Subject(Scope.LEDGER, LEDGER.path)) == {LEDGER.path}


def test_a_judgement_is_as_fresh_as_the_newest_of_its_files() -> None:
    index = books()
    subject = Subject(Scope.INVOICE, "INV-1")
    assert index.written(subject) == 0.0
    index.put(Document(live().path, False, invoice(), written=4.0))
    assert index.written(subject) == 4.0
    index.use_ledger(LEDGER, Ledger())
    assert index.written(subject) == 5.0
    index.use_events(EVENTS, [], [])
    assert index.written(subject) == 6.0
    assert index.written(Subject(Scope.FILE, live().path)) == 4.0
    index.put_queue(Queue("/q.jsonl", "q", written=9.0))
    assert index.written(Subject(Scope.QUEUE, "/q.jsonl")) == 9.0


def test_nothing_is_compared_with_what_can_not_be_read() -> None:
    index = books()
    index.put(live())
    index.use_ledger(LEDGER, Ledger())
    index.take_dirty()
    index.use_ledger(Book(LEDGER.path, 8.0, readable=False), Ledger(problems=(TORN,)))
    subject = Subject(Scope.INVOICE, "INV-1")
    assert subject in index.take_dirty()
    case = index.case(subject, 0.0)
    assert isinstance(case, InvoiceCase)
    assert case.ledger is None
    assert index.case(Subject(Scope.LEDGER, LEDGER.path), 0.0) is not None


def test_what_was_paid_lately() -> None:
    index = books()
    with_time = Invoice("INV-2", "acme", Decimal(1), "USD", Status.PAID, "paid", paid_at=100.0)
    index.put(live())
    index.put(archived())
    index.put(Document("/state/archive/acme/INV-2.json", True, with_time))
    index.put(live("INV-3"))
    assert index.paid_since(50.0) == [(with_time, None)]
    index.use_events(EVENTS, [happening("paid", Status.PAID, 60.0)], [])
    assert {one.number for one, _ in index.paid_since(50.0)} == {"INV-1", "INV-2"}
    assert index.paid_since(101.0) == []


NUMBERS = st.sampled_from(["INV-1", "INV-2", "INV-3"])
CLIENTS = st.sampled_from(["acme", "globex"])


class Comings(RuleBasedStateMachine):
    """Any order of arrivals and departures gives the totals of what lies there."""

    def __init__(self) -> None:
        super().__init__()
        self.index = books()
        self.files: dict[str, Document] = {}

    @rule(number=NUMBERS, client=CLIENTS, status=st.sampled_from(Status), amount=st.integers(0, 99))
    def write(self, number: str, client: str, status: Status, amount: int) -> None:
        self._put(live(number, client, status=status, amount=amount))

    @rule(number=NUMBERS, client=CLIENTS, amount=st.integers(0, 99))
    def archive(self, number: str, client: str, amount: int) -> None:
        self._put(archived(number, client, amount=amount))

    @rule(number=NUMBERS, client=CLIENTS, other=NUMBERS)
    def rename(self, number: str, client: str, other: str) -> None:
        self._put(Document(f"/state/{client}/{number}.json", False, invoice(other, client)))

    @rule(number=NUMBERS, client=CLIENTS)
    def tear(self, number: str, client: str) -> None:
        self._put(Document(f"/state/{client}/{number}.json", False, None, (TORN,)))

    @rule(number=NUMBERS, client=CLIENTS, folder=st.sampled_from(["/state", "/state/archive"]))
    def remove(self, number: str, client: str, folder: str) -> None:
        path = f"{folder}/{client}/{number}.json"
        self.files.pop(path, None)
        self.index.drop(path)

    @invariant()
    def the_totals_are_those_of_the_files(self) -> None:
        assert self.index.totals() == anew(self.files)
        assert set(self.index.known()) == self.files.keys()

    def _put(self, document: Document) -> None:
        old = self.files.get(document.path)
        self.files[document.path] = document
        self.index.take_dirty()
        self.index.put(document)
        troubled = bool(document.problems or (old is not None and old.problems))
        assert (Subject(Scope.FILE, document.path) in self.index.take_dirty()) is troubled


def anew(files: dict[str, Document]) -> Totals:
    """Return the totals of `files`: of a client's documents with one number the archived one counts, else the last."""
    counted: dict[tuple[str, str], Document] = {}
    for _, document in sorted(files.items()):
        found = document.invoice
        if found is None:
            continue
        known = counted.get((found.client, found.number))
        if known is None or not known.archived:
            counted[found.client, found.number] = document
    totals: dict[Status, dict[str, Tally]] = {status: {} for status in Status}
    for document in counted.values():
        found = document.invoice
        if found is not None and found.status is not None:
            old = totals[found.status].get(found.currency, Tally())
            totals[found.status][found.currency] = Tally(old.count + 1, old.total + (found.amount or 0))
    return totals


TestComings = Comings.TestCase
TestComings.settings = settings(stateful_step_count=30)
