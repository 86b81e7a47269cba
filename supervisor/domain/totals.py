"""Running totals of the invoices, by status and currency: exact, and changed by one invoice at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.money import EXACT


@dataclass(frozen=True, slots=True)
class Tally:
    """How many invoices, and what they come to together (exact, not rounded)."""

    count: int = 0
    total: Decimal = Decimal()


Totals = Mapping[Status, Mapping[str, Tally]]
"""By status, then by currency. A status without invoices has no currency."""


_ZERO = Decimal()


@dataclass(slots=True)
class RunningTotals:
    """Counts invoices in and out. One without a known status counts nowhere, one without an amount as nothing."""

    _counts: dict[tuple[Status, str], int] = field(default_factory=dict)
    _sums: dict[tuple[Status, str], Decimal] = field(default_factory=dict)

    def add(self, invoice: Invoice) -> None:
        """Count an invoice in."""
        self._change(invoice, 1)

    def remove(self, invoice: Invoice) -> None:
        """Count an invoice out that was counted in."""
        self._change(invoice, -1)

    def now(self) -> Totals:
        """Return the totals of this moment."""
        totals: dict[Status, dict[str, Tally]] = {status: {} for status in Status}
        for (status, currency), count in sorted(self._counts.items()):
            totals[status][currency] = Tally(count, self._sums[status, currency])
        return totals

    def _change(self, invoice: Invoice, sign: int) -> None:
        if invoice.status is None:
            return
        key = (invoice.status, invoice.currency)
        count = self._counts.get(key, 0) + sign
        if not count:
            del self._counts[key], self._sums[key]
            return
        self._counts[key] = count
        if invoice.amount is not None:
            move = EXACT.add if sign > 0 else EXACT.subtract
            self._sums[key] = move(self._sums.get(key, _ZERO), invoice.amount)
        else:
            self._sums.setdefault(key, _ZERO)
