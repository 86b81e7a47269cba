"""All checks together: how they are found, books that agree, and books of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor import checks
from supervisor.domain.actions import Severity
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
    TotalsCase,
    Trail,
)
from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.ledger import Entry, Happening, Ledger, Message, Total
from tests.checks.examples import EVENTS, LEDGER, NOW, QUEUE, STATE, invoice

T = TypeVar("T")

# --- how they are found ------------------------------------------------------------------------------


def test_every_name_of_the_contract_is_a_file_and_the_reverse() -> None:
    files = {path.stem for path in Path(checks.__file__).parent.glob("*.py") if not path.name.startswith("_")}
    assert files == set(CheckName) == set(checks.CHECKS)


@pytest.mark.parametrize("name", CheckName)
def test_the_file_of_a_check_is_named_as_it_is(name: CheckName) -> None:
    check = checks.CHECKS[name]
    assert check.find.__module__ == f"supervisor.checks.{check.name}"
    assert check.scopes


def test_a_finding_is_as_grave_as_its_check() -> None:
    case = invoice("acme/INV-1 paid 10", ledger=[])
    assert [(one.check.value, one.severity.value) for one in checks.find(case)] == [
        ("archive", "warning"),
        ("orphan_state", "critical"),
    ]


def test_money_is_critical_and_housekeeping_a_warning() -> None:
    warnings = {check.name for check in checks.CHECKS.values() if check.severity is Severity.WARNING}
    assert warnings == {"archive", "leftover_tmp", "queue_age", "queue_depth", "queue_duplicate", "queue_parse"}


def test_every_scope_has_its_checks() -> None:
    assert {scope for check in checks.CHECKS.values() for scope in check.scopes} == set(Scope)


# --- books that agree --------------------------------------------------------------------------------

amounts = st.decimals(0, 10**9, places=2)
agreed = st.lists(st.tuples(st.sampled_from(Status), amounts, st.booleans(), st.booleans()), max_size=12)


def consistent(invoices: list[tuple[Status, Decimal, bool, bool]]) -> Iterator[Case]:
    """Yield every case of books that agree. An invoice: status, amount, whether a `Status:` and a log tell of it."""
    booked: list[Entry] = []
    for line, (status, amount, worded, logged) in enumerate(invoices, start=5):
        number, paid = f"INV-{line}", status is Status.PAID
        path = f"{STATE}{'/archive' * paid}/acme/{number}.json"
        document = Document(path, paid, Invoice(number, "acme", amount, "USD", status, status.value))
        word = status if worded else None
        entry = Entry(number, status, amount, word, word or "", "", "", line)
        entries = () if status is Status.REVIEW else (entry,)
        happening = Happening(number, number, "acme", "paid" if paid else "state_update", NOW, status, status, line)
        trail = Trail().after(happening) if logged else None
        booked += entries
        yield FileCase(path, document)
        yield InvoiceCase(number, (document,), entries, trail, LEDGER, EVENTS, "USD")
        yield InvoiceCase(number, (document,), (), trail, None, None, "USD")
    nothing = Decimal()
    sums = {
        status: sum((one.amount or nothing for one in booked if one.section is status), nothing) for status in Status
    }
    totals = [Total(status, sums[status], line) for line, status in enumerate(Status, start=91)]
    totals.append(Total(None, sum(sums.values(), nothing), 99))
    yield LedgerCase(LEDGER, ())
    yield TotalsCase(LEDGER, Ledger(tuple(booked), tuple(totals)), sums, "USD")
    yield EventsCase(EVENTS, ())
    messages = tuple(
        Message(str(line).encode(), "PAID", entry.number, NOW - line, line)
        for line, entry in enumerate(booked, start=1)
    )
    yield QueueCase(Queue(QUEUE, "emailer", messages), NOW, 100, 3600.0)


@given(agreed)
def test_books_that_agree_have_no_finding(invoices: list[tuple[Status, Decimal, bool, bool]]) -> None:
    for case in consistent(invoices):
        assert checks.find(case) == ()


# --- books of any kind -------------------------------------------------------------------------------

texts = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(["INV-1", "acme", "\x1b[2J\n", "x" * 999])
figures = st.none() | st.decimals(-(10**15), 10**15, allow_nan=False, allow_infinity=False, places=4)
statuses = st.none() | st.sampled_from(Status)
lines = st.integers(1, 99)
problem = st.builds(Problem, st.sampled_from(CheckName), texts, st.none() | lines, texts, texts, texts)
problems = st.lists(problem, max_size=6).map(tuple)
invoices = st.builds(
    Invoice, texts, st.sampled_from(["acme", "globex"]), figures, st.sampled_from(["USD", "JPY", "?"]), statuses, texts
)
documents = st.builds(Document, texts, st.booleans(), st.none() | invoices, problems)
entries = st.builds(Entry, texts, st.sampled_from(Status), figures, statuses, texts, texts, texts, lines)
happenings = st.builds(
    Happening, texts, texts, texts, st.sampled_from(["paid", "state_update"]), st.none(), statuses, texts, lines
)
totals = st.builds(Total, statuses, figures.filter(lambda figure: figure is not None), lines)
messages = st.builds(Message, st.binary(max_size=1), texts, texts, st.none() | st.floats(0, 2e9), lines)


def several(one: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(one, max_size=4).map(tuple)


def trail(happened: tuple[Happening, ...]) -> Trail:
    known = Trail()
    for happening in happened:
        known = known.after(happening)
    return known


paths = st.none() | texts
anything = st.one_of(
    st.builds(FileCase, texts, st.none() | documents),
    st.builds(
        InvoiceCase,
        texts,
        several(documents),
        several(entries),
        st.none() | several(happenings).map(trail),
        paths,
        paths,
        st.just("USD"),
    ),
    st.builds(LedgerCase, texts, problems),
    st.builds(
        TotalsCase,
        texts,
        st.builds(Ledger, several(entries), several(totals), problems, st.none() | problem),
        st.dictionaries(st.sampled_from(Status), figures.map(lambda figure: figure or Decimal())),
        st.just("USD"),
    ),
    st.builds(EventsCase, texts, problems),
    st.builds(
        QueueCase,
        st.builds(Queue, texts, texts, several(messages), problems),
        st.just(NOW),
        st.integers(1, 3),
        st.just(3600.0),
    ),
)


@given(anything)
def test_any_books_are_judged(case: Case) -> None:
    found = checks.find(case)
    assert len({finding.id for finding in found}) == len(found)
    assert checks.find(case) == found
    for finding in found:
        assert finding.message.isprintable()
        assert finding.expected.isprintable()
        assert finding.found.isprintable()
        assert len(finding.message) < 2000


def moved(case: Case, by: int) -> Case:
    """Return the case with every line moved."""

    def all_moved(values: tuple[Any, ...]) -> Any:
        return tuple(replace(one, line=(one.line or 0) + by) for one in values)

    match case:
        case FileCase(path, document):
            there = document and replace(document, problems=all_moved(document.problems))
            return FileCase(path, there)
        case InvoiceCase():
            known = case.trail
            if known is not None:
                last = known.last and replace(known.last, line=known.last.line + by)
                known = Trail(last, tuple(line + by for line in known.paid))
            return replace(case, entries=all_moved(case.entries), trail=known)
        case TotalsCase():
            ledger = case.ledger
            problems, torn = all_moved(ledger.problems), ledger.torn
            return replace(case, ledger=Ledger(all_moved(ledger.entries), all_moved(ledger.totals), problems, torn))
        case LedgerCase() | EventsCase():
            return replace(case, problems=all_moved(case.problems))
        case QueueCase(queue):
            gone = replace(queue, messages=all_moved(queue.messages), problems=all_moved(queue.problems))
            return replace(case, queue=gone)
        case _:
            assert_never(case)


@given(anything, st.integers(1, 99))
def test_wherever_lines_move_to_a_finding_is_the_same(case: Case, by: int) -> None:
    assert [one.id for one in checks.find(moved(case, by))] == [one.id for one in checks.find(case)]
