"""The archive holds what is paid, and nothing else. A warning: the books agree, a file lies in the wrong place.

While the ledger or the event log say otherwise of its status, that is the trouble, and the place may well be right. A
file that is left among the live ones when its copy is archived is always one: the agents would still act on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._invoices import Stated, files, is_disputed, is_unique
from supervisor.checks._words import named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import InvoiceCase, Scope
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.invoices import Status

CHECK = CheckName.ARCHIVE
SCOPES = (Scope.INVOICE,)
SEVERITY = Severity.WARNING


def find(case: InvoiceCase) -> Iterator[Finding]:
    """Yield one finding where an invoice does not lie where its status wants it."""
    found = files(case)
    if not found or not is_unique(found):
        return
    one = min(found, key=lambda one: one.archived)
    if len(found) > 1:
        trouble = "is archived, but a file of it is left among the live ones"
        yield _finding(case.number, one, trouble, "one file", "live and archived")
        return
    status = one.invoice.status
    if status is None or one.archived == (status is Status.PAID) or is_disputed(case, status):
        return
    if one.archived:
        yield _finding(case.number, one, f"is {status}, but archived", "live", "archived")
    else:
        yield _finding(case.number, one, f"is {status}, but not archived", "archived", "live")


def _finding(number: str, one: Stated, trouble: str, expected: str, found: str) -> Finding:
    text = f"invoice {named(number)} {trouble}"
    return Finding(CHECK, subject(number), text, one.path, None, number, expected, found)
