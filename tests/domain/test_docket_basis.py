"""What counts as unchanged inputs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from supervisor.domain.books import Case, Document, EventsCase, FileCase, LedgerCase
from supervisor.domain.docket import basis
from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Invoice, Status
from tests.checks.examples import EVENTS, document, invoice, queue, summary

PLAIN = invoice("acme/INV-1 unpaid 10", ledger=["Paid 20 paid"], log=["unpaid", "payment"])
TORN = Problem(CheckName.PARSE, "the line is no JSON object", 7, found="{")
FILE = FileCase("/books/acme/INV-1.json", replace(document("acme/INV-1 unpaid 10"), problems=(TORN,)))
LEDGER = summary("Unpaid 10", "Paid 5", totals=["Unpaid 20", "Grand 15"])


def file(**changes: Any) -> FileCase:
    assert FILE.document is not None
    return replace(FILE, document=replace(FILE.document, **changes))


def trailed(case_log: list[str]) -> Case:
    return invoice("acme/INV-1 unpaid 10", ledger=["Paid 20 paid"], log=case_log)


MOVED = tuple(replace(entry, line=99) for entry in PLAIN.entries)
assert PLAIN.trail is not None
assert PLAIN.trail.last is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Other lines of the ledger come and go; the event log grows and is cut.
        (PLAIN, replace(PLAIN, entries=MOVED)),
        (
            PLAIN,
            replace(PLAIN, trail=replace(PLAIN.trail, last=replace(PLAIN.trail.last, line=99, at=1.0), paid=(98,))),
        ),
        (PLAIN, replace(PLAIN, trail=replace(PLAIN.trail, unpaid_at=1.0, paid_at=2.0))),
        # The file was written again, as it was.
        (PLAIN, replace(PLAIN, documents=(replace(PLAIN.documents[0], written=99.0),))),
        (FILE, file(written=99.0)),
        (FILE, file(problems=(replace(TORN, line=99),))),
        (EventsCase(EVENTS, (TORN,)), EventsCase(EVENTS, (replace(TORN, line=99),))),
        (LEDGER, summary("Unpaid 4", "Unpaid 6", "Paid 5", totals=["Unpaid 20.00", "Grand 15"])),
        # A queue always changes, and so does the time.
        (queue("PAID INV-1"), replace(queue("PAID INV-2", "REPORT"), now=1.0)),
        (FileCase("/a.tmp", None), FileCase("/a.tmp", None)),
    ],
)
def test_nothing_has_changed(one: Case, other: Case) -> None:
    assert basis(one) == basis(other)
    assert hash(basis(one)) == hash(basis(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PLAIN, invoice("acme/INV-1 unpaid 11", ledger=["Paid 20 paid"], log=["unpaid", "payment"])),
        (PLAIN, invoice("acme/INV-1 pending 10", ledger=["Paid 20 paid"], log=["unpaid", "payment"])),
        (PLAIN, invoice("archive/acme/INV-1 unpaid 10", ledger=["Paid 20 paid"], log=["unpaid", "payment"])),
        (PLAIN, invoice("acme/INV-1 unpaid 10", ledger=["Unpaid 20 paid"], log=["unpaid", "payment"])),
        (PLAIN, invoice("acme/INV-1 unpaid 10", ledger=["Paid 21 paid"], log=["unpaid", "payment"])),
        (PLAIN, invoice("acme/INV-1 unpaid 10", ledger=["Paid 20 unpaid"], log=["unpaid", "payment"])),
        (PLAIN, invoice("acme/INV-1 unpaid 10", ledger=[], log=["unpaid", "payment"])),
        (PLAIN, trailed(["unpaid"])),
        (PLAIN, trailed(["payment", "payment"])),
        (PLAIN, trailed(["lost"])),
        (invoice("acme/INV-1 unpaid 10", ledger=[]), invoice("acme/INV-1 unpaid 10")),
        (PLAIN, invoice("acme/INV-1 unpaid 10", ledger=["Paid 20 paid"])),
        (PLAIN, replace(PLAIN, currency="EUR")),
        (FILE, file(problems=())),
        (FILE, file(problems=(replace(TORN, found="["),))),
        (FILE, file(invoice=Invoice("INV-1", "acme", Decimal(11), "USD", Status.UNPAID, "unpaid"))),
        (FILE, FileCase(FILE.path, None)),
        (FILE, FileCase(FILE.path, Document(FILE.path, archived=False, invoice=None))),
        (EventsCase(EVENTS, (TORN,)), EventsCase(EVENTS, (TORN, TORN))),
        (LedgerCase(EVENTS, (TORN,)), LedgerCase(EVENTS, ())),
        (LEDGER, summary("Unpaid 10", "Paid 5", totals=["Unpaid 21", "Grand 15"])),
        (LEDGER, summary("Unpaid 11", "Paid 5", totals=["Unpaid 20", "Grand 15"])),
        (LEDGER, summary("Unpaid 10", "Paid 5", totals=["Unpaid 20"])),
    ],
)
def test_something_has_changed(one: Case, other: Case) -> None:
    assert basis(one) != basis(other)
