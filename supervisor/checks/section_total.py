"""A total in the ledger's Summary that is not the sum of its section. Critical: it is what people read and pay by.

A Summary, or a line of it, may be missing: that is no finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._totals import actual, unknown, written
from supervisor.checks._words import subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import Scope, TotalsCase
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.money import agree, plain, spoken

CHECK = CheckName.SECTION_TOTAL
SCOPES = (Scope.TOTALS,)
SEVERITY = Severity.CRITICAL


def find(case: TotalsCase) -> Iterator[Finding]:
    """Yield one finding for each section whose total is wrong."""
    doubtful = unknown(case)
    for section, total in written(case).items():
        if section is None or section in doubtful:
            continue
        amount, currency = actual(case, section), case.currency
        if not agree(amount, total.amount, currency):
            yield Finding(
                CHECK,
                subject(case.path, section),
                f"the entries under {section.capitalize()} come to {spoken(amount, currency)}, "
                f"but the Summary says {spoken(total.amount, currency)}",
                case.path,
                total.line,
                "",
                plain(amount, currency),
                plain(total.amount, currency),
            )
