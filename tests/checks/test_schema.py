from __future__ import annotations

from dataclasses import replace

from supervisor import checks
from supervisor.domain.books import Document, EventsCase, FileCase, LedgerCase
from supervisor.domain.findings import CheckName, Problem
from tests.checks.examples import EVENTS, LEDGER, found

AMOUNT = Problem(CheckName.SCHEMA, "amount is not an amount", 6, "an amount", "NaN", "INV-1")
STATUS = Problem(CheckName.SCHEMA, "status is not one of unpaid, paid", 8, "one of unpaid, paid", "lost", "INV-1")


def file(*problems: Problem) -> FileCase:
    return FileCase("/books/acme/INV-1.json", Document("/books/acme/INV-1.json", False, None, problems))


def ledger(*problems: Problem) -> LedgerCase:
    return LedgerCase(LEDGER, problems)


def test_a_value_that_no_agent_should_write() -> None:
    wrong = ["an amount, not NaN", "one of unpaid, paid, not lost"]
    assert found(file(AMOUNT, STATUS)) == [
        f"schema acme/INV-1.json:6: {wrong[0]}",
        f"schema acme/INV-1.json:8: {wrong[1]}",
    ]
    assert found(ledger(AMOUNT, STATUS)) == [f"schema ledger.md:6: {wrong[0]}", f"schema ledger.md:8: {wrong[1]}"]
    assert found(EventsCase(EVENTS, (STATUS,))) == [f"schema events.log:8: {wrong[1]}"]


def test_a_value_is_known_by_its_rule_and_its_invoice() -> None:
    """The line moves, the figure changes, and it is the same trouble still."""
    for books in (file, ledger):
        amount, status = checks.find(books(AMOUNT, STATUS))
        assert amount.id != status.id
        (changed,) = checks.find(books(replace(AMOUNT, line=9, found="Infinity")))
        assert changed.id == amount.id
        assert (changed.line, changed.found) == (9, "Infinity")
    (one,) = checks.find(ledger(AMOUNT))
    (other,) = checks.find(ledger(replace(AMOUNT, invoice="INV-2")))
    assert one.id != other.id


def test_a_line_that_names_no_invoice_is_known_by_its_text() -> None:
    nameless = replace(AMOUNT, invoice="")
    (one,) = checks.find(ledger(nameless))
    (other,) = checks.find(ledger(replace(nameless, found="- | $1")))
    (silent,) = checks.find(ledger(replace(nameless, found="")))
    assert len({one.id, other.id, silent.id}) == 3


def test_in_words() -> None:
    (finding,) = checks.find(file(AMOUNT))
    assert finding.message == "invoice INV-1: amount is not an amount"
    (finding,) = checks.find(EventsCase(EVENTS, (replace(AMOUNT, invoice=""),)))
    assert finding.message == "amount is not an amount"
