"""Figures in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from supervisor.domain.metrics import DAY, Latency
from supervisor.domain.totals import Tally
from supervisor.faces.figures import about_a_day, difference, differences, percentiles


@pytest.mark.parametrize(
    ("number", "total", "words"),
    [
        (0, "0.00", ""),
        (1, "1500.01", "+1 invoice, +1,500.01 USD"),
        (-2, "-1500.01", "-2 invoices, -1,500.01 USD"),
        (0, "-5", "+0 invoices, -5.00 USD"),
        (1, "0", "+1 invoice, +0.00 USD"),
    ],
)
def test_a_difference(number: int, total: str, words: str) -> None:
    assert difference(Tally(number, Decimal(total)), "USD") == words


def test_only_the_currencies_that_changed_are_told() -> None:
    assert differences({"EUR": Tally(), "USD": Tally(1, Decimal(2))}) == ("+1 invoice, +2.00 USD",)


def test_a_day_may_be_ten_minutes_longer() -> None:
    assert about_a_day(DAY + 660)
    assert not about_a_day(DAY + 3600)
    assert not about_a_day(DAY / 2)


def test_percentiles() -> None:
    assert percentiles(Latency(3, 60.0, 60.0, 120.0, 3600.0)) == "half within 1 min, 90 % within 2 min, 99 % within 1 h"
