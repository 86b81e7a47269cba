"""Which of the files of an invoice speaks for it, and which entry: shared by the checks that compare them."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from supervisor.domain.books import InvoiceCase
from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.ledger import Entry


class Stated(NamedTuple):
    """An invoice, and the file that states it."""

    path: str
    archived: bool
    invoice: Invoice


def files(case: InvoiceCase) -> list[Stated]:
    """Return every file that states the invoice."""
    return [Stated(one.path, one.archived, one.invoice) for one in case.documents if one.invoice is not None]


def is_unique(found: list[Stated]) -> bool:
    """Whether the files are of one invoice.

    An agent that archives writes the copy before it removes the original: two files of the same client, one live and
    one archived, are one invoice on its way. Where it stays on its way, the check `archive` says so.
    """
    if len(found) < 2:  # noqa: PLR2004 - nearly always
        return True
    places = Counter(one.archived for one in found)
    return len({one.invoice.client for one in found}) <= 1 and max(places.values()) <= 1


def stated(case: InvoiceCase) -> Stated | None:
    """Return the file that speaks for the invoice, the archived one of two; None where none does, or several."""
    found = files(case)
    return max(found, key=lambda one: one.archived, default=None) if is_unique(found) else None


def entry(case: InvoiceCase) -> Entry | None:
    """Return the invoice's entry in the ledger; None where there is none, or several."""
    return case.entries[0] if len(case.entries) == 1 else None


def is_disputed(case: InvoiceCase, status: Status) -> bool:
    """Whether the ledger or the event log says otherwise than `status`."""
    booked = {one.section for one in case.entries}
    last = None if case.trail is None or case.trail.last is None else case.trail.last.status
    return bool((booked | {last or status}) - {status})
