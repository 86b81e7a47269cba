"""One number, one invoice. Critical: of two invoices under one number, one is paid and the other is forgotten.

A live and an archived file of the same client are an invoice on its way into the archive: the check `archive` tells
of one that stays there. While a number is not unique, nobody can say which of its files the other books should agree
with, and the checks that compare them wait.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._invoices import Stated, files, is_unique
from supervisor.checks._words import lines, named, quoted, short, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import InvoiceCase, Scope
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.words import count

CHECK = CheckName.UNIQUE_ID
SCOPES = (Scope.INVOICE,)
SEVERITY = Severity.CRITICAL

_LISTED = 3  # files that the message names


def find(case: InvoiceCase) -> Iterator[Finding]:
    """Yield one finding for the files of the number, and one for its entries in the ledger."""
    found = files(case)
    if not is_unique(found):
        yield _of_files(case.number, found)
    if case.ledger is not None and len(case.entries) > 1:
        numbers = [entry.line for entry in case.entries]
        yield Finding(
            CHECK,
            subject(case.number, "ledger"),
            f"invoice {named(case.number)} has {len(numbers)} entries in the ledger: {lines(numbers)}",
            case.ledger,
            numbers[1],
            case.number,
            "one entry",
            lines(numbers),
        )


def _of_files(number: str, found: list[Stated]) -> Finding:
    clients = len({one.invoice.client for one in found})
    owners = f" of {clients} clients" if clients > 1 else ""
    names = [short(one.path) for one in found[:_LISTED]] + ["…"] * (len(found) > _LISTED)
    return Finding(
        CHECK,
        subject(number, "state"),
        f"invoice {named(number)} stands in {len(found)} files{owners}: {', '.join(map(quoted, names))}",
        found[1].path,
        None,
        number,
        "one file",
        count(len(found), "file"),
    )
