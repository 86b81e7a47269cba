"""What came about in a window of time, in figures. None says that there is no data: never 0, never a guess."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import fsum

from supervisor.domain.books import Trail
from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.money import rounded
from supervisor.domain.totals import Tally, Totals

DAY = 86400.0

SHORTEST = 60.0
LONGEST = 8 * DAY
"""How long (s) a window may be."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long payments took: of `count` of them the average and the percentiles, in seconds."""

    count: int
    average: float
    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of the `window` seconds before `at` (s since the epoch).

    Args:
        emails_sent, payments_detected, errors: None where the log that tells of them is not there or can not be read.
        latency: from the detection of a payment until its invoice was paid; None where no such pair of times is known.
        collected: what was paid, by currency; None where there are no books.
        change: what came to and left each status, by currency; None where no earlier totals are known.
        change_since: the moment of those totals (s since the epoch).
    """

    at: float
    window: float
    emails_sent: int | None = None
    payments_detected: int | None = None
    errors: int | None = None
    latency: Latency | None = None
    collected: Mapping[str, Tally] | None = None
    change: Totals | None = None
    change_since: float | None = None


def waited(invoice: Invoice, trail: Trail | None) -> float | None:
    """Return how long (s) the payment of an invoice took; None where that is not known, or would be negative."""
    begun, ended = invoice.detected_at, invoice.paid_at
    if (begun is None or ended is None) and trail is not None:
        begun, ended = trail.unpaid_at, trail.paid_at
    if begun is None or ended is None or ended < begun:
        return None
    return ended - begun


def latency(lengths: Iterable[float]) -> Latency | None:
    """Return what these lengths of time (s) come to, None where there are none."""
    ordered = sorted(lengths)
    if not ordered:
        return None
    p50, p90, p99 = (percentile(ordered, percent) for percent in (50, 90, 99))
    return Latency(len(ordered), fsum(ordered) / len(ordered), p50, p90, p99)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the least of the values, ordered, that at least `percent` (1 to 100) of a hundred do not exceed."""
    rank = -(-percent * len(ordered) // 100)
    return ordered[rank - 1]


def collected(invoices: Iterable[Invoice]) -> dict[str, Tally]:
    """Return how many invoices were paid and with how much, by currency; one without an amount counts as nothing."""
    tallies: dict[str, Tally] = {}
    for invoice in invoices:
        paid = invoice.amount if invoice.paid_amount is None else invoice.paid_amount
        known = tallies.get(invoice.currency, Tally())
        tallies[invoice.currency] = Tally(known.count + 1, known.total + (paid or Decimal()))
    return dict(sorted(tallies.items()))


def difference(now: Totals, before: Totals) -> Totals:
    """Return by how much totals have changed, in whole minor units: exactly what their rounded figures differ by."""
    return {
        status: {
            currency: _change(currency, now[status].get(currency, Tally()), before[status].get(currency, Tally()))
            for currency in sorted({*now[status], *before[status]})
        }
        for status in Status
    }


def _change(currency: str, now: Tally, before: Tally) -> Tally:
    return Tally(now.count - before.count, rounded(now.total, currency) - rounded(before.total, currency))
