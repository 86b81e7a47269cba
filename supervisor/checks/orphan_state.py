"""An invoice that the ledger does not know. Critical: money that the ledger's totals do not hold.

An invoice in review is none: the ledger has no section for it. Nor is one whose status is no known word: `schema`
tells of that, and nobody can say in which section it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._invoices import files
from supervisor.checks._words import named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import InvoiceCase, Scope
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.invoices import Status

CHECK = CheckName.ORPHAN_STATE
SCOPES = (Scope.INVOICE,)
SEVERITY = Severity.CRITICAL

_BOOKED = frozenset({Status.UNPAID, Status.PAID, Status.ESCALATED})


def find(case: InvoiceCase) -> Iterator[Finding]:
    """Yield one finding where there is a ledger and the invoice should stand in it."""
    if case.ledger is None or case.entries:
        return
    for path, _, invoice in files(case):
        if invoice.status in _BOOKED:
            yield Finding(
                CHECK,
                subject(case.number),
                f"invoice {named(case.number)} is {invoice.status} in its file, but the ledger has no entry for it",
                path,
                None,
                case.number,
                f"an entry under {invoice.status.capitalize()}",
                "none",
            )
            return
