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


@dataclass(slots=True)
class RunningTotals:
    """Counts invoices in and out. One without a known status counts nowhere, one without an amount as nothing."""

    _tallies: dict[tuple[Status, str], Tally] = field(default_factory=dict)

    def add(self, invoice: Invoice) -> None:
        """Count an invoice in."""
        self._change(invoice, 1)

    def remove(self, invoice: Invoice) -> None:
        """Count an invoice out that was counted in."""
        self._change(invoice, -1)

    def now(self) -> Totals:
        """Return the totals of this moment."""
        totals: dict[Status, dict[str, Tally]] = {status: {} for status in Status}
        for (status, currency), tally in sorted(self._tallies.items()):
            totals[status][currency] = tally
        return totals

    def _change(self, invoice: Invoice, sign: int) -> None:
        if invoice.status is None:
            return
        key = (invoice.status, invoice.currency)
        known = self._tallies.get(key, Tally())
        amount = invoice.amount or Decimal()
        total = EXACT.add(known.total, amount) if sign > 0 else EXACT.subtract(known.total, amount)
        changed = Tally(known.count + sign, total)
        if changed.count:
            self._tallies[key] = changed
        else:
            self._tallies.pop(key, None)
