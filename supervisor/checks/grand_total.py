"""A grand total that is not the sum of all entries. Critical: it is what people read and pay by.

Where it is the sum of the section totals as they are written, it is one of those that is wrong, and `section_total`
tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from supervisor.checks._totals import actual, unknown, written
from supervisor.checks._words import subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import Scope, TotalsCase
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.invoices import Status
from supervisor.domain.money import agree, plain, spoken

CHECK = CheckName.GRAND_TOTAL
SCOPES = (Scope.TOTALS,)
SEVERITY = Severity.CRITICAL


def find(case: TotalsCase) -> Iterator[Finding]:
    """Yield one finding where the grand total agrees with neither the entries nor the rest of the Summary."""
    totals, currency = written(case), case.currency
    grand = totals.get(None)
    if grand is None or unknown(case):
        return
    amount = sum((actual(case, section) for section in Status), Decimal())
    summary = sum(
        (totals[section].amount if section in totals else actual(case, section) for section in Status), Decimal()
    )
    if any(agree(grand.amount, right, currency) for right in (amount, summary)):
        return
    yield Finding(
        CHECK,
        subject(case.path),
        f"all entries come to {spoken(amount, currency)}, but the grand total says {spoken(grand.amount, currency)}",
        case.path,
        grand.line,
        "",
        plain(amount, currency),
        plain(grand.amount, currency),
    )
