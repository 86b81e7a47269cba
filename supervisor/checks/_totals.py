"""The ledger's Summary as written, and which of its sums can be known: shared by the checks of totals."""

from __future__ import annotations

from decimal import Decimal

from supervisor.domain.books import TotalsCase
from supervisor.domain.findings import CheckName
from supervisor.domain.invoices import Status
from supervisor.domain.ledger import Total


def written(case: TotalsCase) -> dict[Status | None, Total]:
    """Return the lines of the Summary, by section; the first where there are several. None: the grand total."""
    return {total.section: total for total in reversed(case.ledger.totals)}


def actual(case: TotalsCase, section: Status) -> Decimal:
    """Return what the entries of `section` come to."""
    return case.sums.get(section, Decimal())


def unknown(case: TotalsCase) -> set[Status]:
    """Return the sections whose sum nobody can know: an amount, or a whole line, could not be read.

    What could not be read is a finding of its own; that the total is not the sum of the rest follows from it.
    """
    ledger = case.ledger
    unread = {problem.line for problem in ledger.problems if problem.check is CheckName.PARSE}
    if unread and unread - {entry.line for entry in ledger.entries}:
        return set(Status)
    return {entry.section for entry in ledger.entries if entry.amount is None}
