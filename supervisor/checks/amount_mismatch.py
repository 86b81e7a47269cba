"""The ledger holds another amount than the invoice's file. Critical: a total of the ledger is wrong by the difference.

Amounts are compared in the invoice's currency, once rounded to its minor unit. An amount that can not be read is
`schema`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._invoices import entry, stated
from supervisor.checks._words import named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import InvoiceCase, Scope
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.money import agree, plain, spoken

CHECK = CheckName.AMOUNT_MISMATCH
SCOPES = (Scope.INVOICE,)
SEVERITY = Severity.CRITICAL


def find(case: InvoiceCase) -> Iterator[Finding]:
    """Yield one finding where file and ledger both name an amount, and not the same."""
    booked, state = entry(case), stated(case)
    if case.ledger is None or booked is None or state is None:
        return
    amount, currency = state.invoice.amount, state.invoice.currency
    if amount is None or booked.amount is None or agree(amount, booked.amount, currency):
        return
    yield Finding(
        CHECK,
        subject(case.number),
        f"invoice {named(case.number)} is {spoken(amount, currency)} in its file, "
        f"but {spoken(booked.amount, currency)} in the ledger",
        case.ledger,
        booked.line,
        case.number,
        plain(amount, currency),
        plain(booked.amount, currency),
    )
