"""The ledger, the event log and the queues, as values: what their readers in `formats` return."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from supervisor.domain.findings import Problem
from supervisor.domain.invoices import Status


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Args:
        section: the section it stands in.
        amount: exact, as written; None where it is no amount.
        status, word: what `Status:` says, counted and as written; "" where the line has none.
        client: "" where the line names none, as under Paid and Escalated.
        date: the text after `Due:`, `Paid:` or `Escalated:`.
        line: from 1.
    """

    number: str
    section: Status
    amount: Decimal | None
    status: Status | None
    word: str
    client: str
    date: str
    line: int


@dataclass(frozen=True, slots=True)
class Total:
    """One line of the Summary; `section` None is the grand total."""

    section: Status | None
    amount: Decimal
    line: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The whole ledger: its entries in the file's order, its Summary, and what could not be read.

    Args:
        torn: the last line is unfinished, and cannot be read: its writer is at work, or was stopped.
    """

    entries: tuple[Entry, ...] = ()
    totals: tuple[Total, ...] = ()
    problems: tuple[Problem, ...] = ()
    torn: Problem | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the event log.

    Args:
        at: s since the epoch; None where the line has no time.
        event: `state_update`, `paid`, or a word that this version does not know.
        status, word: what the invoice became, counted and as written; a `paid` event's is paid.
        line: from 1.
    """

    event_id: str
    invoice: str
    client: str
    event: str
    at: float | None
    status: Status | None
    word: str
    line: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message that waits in a queue.

    Args:
        identity: the same for messages that say the same, whenever they were queued.
        queued_at: s since the epoch; None where the line does not say.
    """

    identity: bytes
    kind: str
    invoice: str
    queued_at: float | None
    line: int
