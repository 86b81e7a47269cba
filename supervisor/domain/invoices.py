"""Invoices as the agents keep them. Times: seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """Where the collection of an invoice stands."""

    UNPAID = "unpaid"
    PAID = "paid"
    ESCALATED = "escalated"
    REVIEW = "review"


_WORDS = {
    "unpaid": Status.UNPAID,
    "pending": Status.UNPAID,
    "paid": Status.PAID,
    "escalated": Status.ESCALATED,
    "review": Status.REVIEW,
    "in_review": Status.REVIEW,
}

WORDS = tuple(_WORDS)
"""The words that an agent may write for a status."""


def status_of(word: str) -> Status | None:
    """Return what `word` counts as, None for a word that no agent should write."""
    return _WORDS.get(word)


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice as its state file tells it.

    Args:
        number: `invoice_number`, `number` or `id`, else the file's stem.
        client: `client` or `client_name`, else the folder.
        amount: exact, as written; None where it is absent or no amount.
        currency: ISO 4217; the configured one where the file names none.
        status, word: what the status counts as, None for an unknown word; and the word itself.
        paid_at: when it was marked paid.
        detected_at: when the payment was detected.
        paid_amount: what was paid, where the payment says so.
    """

    number: str
    client: str
    amount: Decimal | None
    currency: str
    status: Status | None
    word: str
    paid_at: float | None = None
    detected_at: float | None = None
    paid_amount: Decimal | None = None
