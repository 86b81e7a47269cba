"""The books side by side: state, ledger, event log, queues, and running totals over all of them.

Whatever is put in or taken out makes its subjects dirty; `case` lays out what a check needs to know of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from supervisor.domain.findings import Problem
from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.ledger import Entry, Happening, Ledger, Message


class Scope(StrEnum):
    """What a check looks at, one at a time."""

    FILE = "file"
    INVOICE = "invoice"
    LEDGER = "ledger"
    TOTALS = "totals"
    EVENTS = "events"
    QUEUE = "queue"


class Subject(NamedTuple):
    """One thing to be checked: a file or a queue by its path, an invoice by its number."""

    scope: Scope
    name: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the state folder.

    Args:
        path: absolute.
        archived: it lies in the archive.
        invoice: None where the file holds none.
        written: when it was last written (s since the epoch).
    """

    path: str
    archived: bool
    invoice: Invoice | None
    problems: tuple[Problem, ...] = ()
    written: float = 0.0


@dataclass(frozen=True, slots=True)
class Trail:
    """What the event log says of one invoice.

    Args:
        last: the newest event that says what the invoice became.
        paid: the lines of its `paid` events, in the file's order.
        unpaid_at, paid_at: when it last was said to be unpaid; when it was first said to be paid.
    """

    last: Happening | None = None
    paid: tuple[int, ...] = ()
    unpaid_at: float | None = None
    paid_at: float | None = None

    def after(self, happening: Happening) -> Trail:
        """Return the trail with one more event, the next of the file."""
        trail = self if happening.status is None else replace(self, last=happening)
        if happening.event == "paid":
            trail = replace(
                trail,
                paid=(*trail.paid, happening.line),
                paid_at=happening.at if trail.paid_at is None else trail.paid_at,
            )
        elif happening.status is Status.UNPAID:
            trail = replace(trail, unpaid_at=happening.at)
        return trail


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue as it lies on disk, last written at `written` (s since the epoch)."""

    path: str
    name: str
    messages: tuple[Message, ...] = ()
    problems: tuple[Problem, ...] = ()
    written: float = 0.0

    @property
    def oldest(self) -> float | None:
        """When its oldest message was queued (s since the epoch)."""
        return min((message.queued_at for message in self.messages if message.queued_at is not None), default=None)


# --- what a check is shown ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileCase:
    """One file of the state folder, or a temporary file that lies there (`document` None)."""

    path: str
    document: Document | None


@dataclass(frozen=True, slots=True)
class InvoiceCase:
    """Everything that is known of one invoice number.

    Args:
        ledger, events: the paths of the ledger and the event log; None where there is none to compare with.
        currency: the configured one: the ledger writes its own.
    """

    number: str
    documents: tuple[Document, ...]
    entries: tuple[Entry, ...]
    trail: Trail | None
    ledger: str | None
    events: str | None
    currency: str


@dataclass(frozen=True, slots=True)
class LedgerCase:
    """What could not be read of the ledger."""

    path: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class TotalsCase:
    """The ledger's Summary against its sections; `sums` are the entries' amounts, by section."""

    path: str
    ledger: Ledger
    sums: Mapping[Status, Decimal]
    currency: str


@dataclass(frozen=True, slots=True)
class EventsCase:
    """What could not be read of the event log."""

    path: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class QueueCase:
    """One queue at one moment, and how long (messages) and old (s) it may be."""

    queue: Queue
    now: float
    depth_limit: int
    age_limit: float


Case = FileCase | InvoiceCase | LedgerCase | TotalsCase | EventsCase | QueueCase
