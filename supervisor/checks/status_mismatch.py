"""The ledger says otherwise of an invoice than its file. Critical: a total of the ledger is wrong by its amount.

The file is right until the opposite is shown. Without one, or with several, or where its status is no known word, the
entry's own section and `Status:` must still agree. An unknown word in the ledger is `schema`'s matter. An invoice in
review has no place in the ledger's sections: their totals would count what is not decided.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._invoices import entry, stated
from supervisor.checks._words import named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import InvoiceCase, Scope
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.invoices import Status
from supervisor.domain.ledger import Entry

CHECK = CheckName.STATUS_MISMATCH
SCOPES = (Scope.INVOICE,)
SEVERITY = Severity.CRITICAL


def find(case: InvoiceCase) -> Iterator[Finding]:
    """Yield one finding where the file, the entry's section and its `Status:` are not the same."""
    booked, state = entry(case), stated(case)
    if case.ledger is None or booked is None:
        return
    said = None if state is None else state.invoice.status
    expected = said or booked.section
    if {booked.section, booked.status or expected} == {expected}:
        return
    in_file = "" if said is None else f"is {said} in its file, but "
    yield Finding(
        CHECK,
        subject(case.number),
        f"invoice {named(case.number)} {in_file}stands in the ledger under {_words(booked)}",
        case.ledger,
        booked.line,
        case.number,
        expected.value,
        _found(booked, expected),
    )


def _words(booked: Entry) -> str:
    section = booked.section.capitalize()
    differs = booked.status not in {None, booked.section}
    return f"{section} with the status {booked.status}" if differs else section


def _found(booked: Entry, expected: Status) -> str:
    """Return what the ledger says, without what is right in it."""
    said = {booked.section, booked.status or expected} - {expected}
    return ", ".join(sorted(said))
