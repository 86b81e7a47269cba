"""Figures in words, the same on the page and in the terminal. Pure, and cheap to import."""

from __future__ import annotations

from collections.abc import Mapping

from supervisor.domain.metrics import DAY, Latency
from supervisor.domain.money import spoken
from supervisor.domain.totals import Tally
from supervisor.domain.words import count, span

NO_DATA = "no data"

_NEAR = 900.0
"""The books are compared every ten minutes or so: the day that a change is of may be longer by that."""


def difference(tally: Tally, currency: str) -> str:
    """Return "-2 invoices, -1,500.01 USD", "" where nothing has changed."""
    if not tally.count and not tally.total:
        return ""
    invoices = f"{'-' if tally.count < 0 else '+'}{count(abs(tally.count), 'invoice')}"
    return f"{invoices}, {'' if tally.total < 0 else '+'}{spoken(tally.total, currency)}"


def differences(tallies: Mapping[str, Tally]) -> tuple[str, ...]:
    """Return what has changed, a text for each currency."""
    return tuple(text for currency, tally in tallies.items() if (text := difference(tally, currency)))


def about_a_day(seconds: float) -> bool:
    """Whether a change over so long a time may be called that of a day."""
    return abs(seconds - DAY) <= _NEAR


def percentiles(latency: Latency) -> str:
    """Return how long how many of the payments took at the most."""
    p50, p90, p99 = (span(length) for length in (latency.p50, latency.p90, latency.p99))
    return f"half within {p50}, 90 % within {p90}, 99 % within {p99}"
