"""An entry of the ledger without an invoice. Critical: the ledger counts money that nobody can show.

Where the invoice's file is there and can not be read, `parse` tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._words import named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import InvoiceCase, Scope
from supervisor.domain.findings import CheckName, Finding

CHECK = CheckName.ORPHAN_LEDGER
SCOPES = (Scope.INVOICE,)
SEVERITY = Severity.CRITICAL


def find(case: InvoiceCase) -> Iterator[Finding]:
    """Yield one finding where only the ledger knows the invoice."""
    if case.ledger is None or case.documents or not case.entries:
        return
    entry = case.entries[0]
    yield Finding(
        CHECK,
        subject(case.number),
        f"invoice {named(case.number)} stands in the ledger under {entry.section.capitalize()}, but has no file",
        case.ledger,
        entry.line,
        case.number,
        "a file",
        "none",
    )
