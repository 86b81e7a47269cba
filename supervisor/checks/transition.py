"""The event log says otherwise of an invoice than its file, or has it paid twice.

Critical: a step was lost, or money was taken twice. Logs are cut: what they do not know is no finding. Where the ledger
says the same as the event log, it is the file that stayed behind, and `status_mismatch` tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._invoices import entry, stated
from supervisor.checks._words import lines, named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import InvoiceCase, Scope
from supervisor.domain.findings import CheckName, Finding

CHECK = CheckName.TRANSITION
SCOPES = (Scope.INVOICE,)
SEVERITY = Severity.CRITICAL


def find(case: InvoiceCase) -> Iterator[Finding]:
    """Yield one finding for a double payment, and one where the last event and the file do not agree."""
    if case.events is None or case.trail is None:
        return
    last, paid = case.trail.last, case.trail.paid
    if len(paid) > 1:
        yield Finding(
            CHECK,
            subject(case.number, "double payment"),
            f"double payment: the event log has invoice {named(case.number)} paid {len(paid)} times, on {lines(paid)}",
            case.events,
            paid[1],
            case.number,
            "one payment",
            f"{len(paid)} payments",
        )
    state, booked = stated(case), entry(case)
    said = None if state is None else state.invoice.status
    if last is None or last.status in {None, said} or said is None:
        return
    if booked is not None and booked.section is last.status:
        return
    yield Finding(
        CHECK,
        subject(case.number),
        f"invoice {named(case.number)} is {said} in its file, but {last.status} by its last event",
        case.events,
        last.line,
        case.number,
        said.value,
        last.status,
    )
