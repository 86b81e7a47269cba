"""Figures over a window as the faces are shown them: everything is known of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY, Latency, Metrics
from supervisor.domain.totals import Tally


def metrics(now: float, **changes: Any) -> Metrics:
    """Return the figures of the day before `now` (s since the epoch)."""
    known = Metrics(
        now,
        DAY,
        emails_sent=12,
        payments_detected=3,
        errors=0,
        latency=Latency(3, 7500.0, 3600.0, 15000.1234567, 15000.1234567),
        collected={"EUR": Tally(1, Decimal("99.5")), "USD": Tally(2, Decimal("1500.005"))},
        change={
            Status.UNPAID: {"USD": Tally(-2, Decimal("-1500.01"))},
            Status.PAID: {"EUR": Tally(1, Decimal("99.50")), "USD": Tally(2, Decimal("1500.01"))},
            Status.ESCALATED: {"USD": Tally(0, Decimal("0.00"))},
            Status.REVIEW: {},
        },
        change_since=now - DAY - 300,
    )
    return replace(known, **changes)
