"""The money by day: where the lines run, what stands beside them, and the same as a table."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY
from supervisor.domain.totals import Tally, Totals
from supervisor.domain.trend import Stand
from supervisor.faces.chart import CURRENCIES, DAYS, charts
from supervisor.faces.languages.language import ENGLISH
from tests.faces.fleets import NOW
from tests.faces.pages import PAGES
from tests.support.accounts import usd


def days(*unpaid: str | None) -> list[Stand]:
    """Return a day for each amount, the last of them today's; None for one of which nothing is known."""
    ago = range(len(unpaid) - 1, -1, -1)
    return [Stand(NOW - n * DAY, usd(amount)) for n, amount in zip(ago, unpaid, strict=True) if amount is not None]


def test_a_line_for_each_status() -> None:
    (chart,), hidden = charts(days("0", "500", "1000"), NOW, ENGLISH)
    assert hidden == 0
    assert (chart.currency, chart.width, chart.height, chart.zero) == ("USD", 2, 100, "100")
    assert chart.marks == ("1,000", "500", "0")
    assert [line.status for line in chart.lines] == ["unpaid", "paid", "escalated"]
    assert chart.lines[0].path == "M0 100h0L1 50L2 0"
    assert chart.lines[0].last == "$1,000.00"
    assert chart.days[0] == ("Feb 15", ("0.00", "0.00", "0.00"))
    assert chart.days[-1] == ("Feb 17", ("1,000.00", "0.00", "0.00"))
    assert chart.words.startswith("USD from Feb 15 to Feb 17: unpaid from $0.00 to $1,000.00, paid from $0.00")


def test_a_day_of_which_nothing_is_known_breaks_the_line() -> None:
    (chart,), _ = charts(days("10", None, "10", "10"), NOW, ENGLISH)
    assert chart.lines[0].path == "M0 0h0M2 0h0L3 0"
    assert [name for name, _ in chart.days] == ["Feb 14", "Feb 16", "Feb 17"]


@pytest.mark.parametrize("known", [days(), days("10"), days("10", *[None] * DAYS, "10")])
def test_one_day_makes_no_chart(known: list[Stand]) -> None:
    assert charts(known, NOW, ENGLISH) == ([], 0)


def test_a_clock_that_was_ahead_draws_nothing_beyond_today() -> None:
    (chart,), _ = charts([*days("1", "2"), Stand(NOW + 3 * DAY, usd("3"))], NOW, ENGLISH)
    assert chart.width == 1


def test_only_the_last_weeks_are_drawn() -> None:
    (chart,), _ = charts(days(*["1"] * 90), NOW, ENGLISH)
    assert chart.width == DAYS - 1


@pytest.mark.parametrize(
    ("amounts", "marks", "zero"),
    [
        (("0", "0"), ("1", "0.5", "0"), "100"),
        (("1", "0.3"), ("1", "0.5", "0"), "100"),
        (("681398.27", "0"), ("1,000,000", "500,000", "0"), "100"),
        (("1100", "2400"), ("2,500", "1,250", "0"), "100"),
        (("-80", "100"), ("100", "0", "-100"), "50"),
        (("-80", "-20"), ("0", "-50", "-100"), "0"),
        (("1e15", "0"), ("1,000,000,000,000,000", "500,000,000,000,000", "0"), "100"),
    ],
)
def test_what_stands_beside_is_round_and_enough(amounts: tuple[str, ...], marks: tuple[str, ...], zero: str) -> None:
    (chart,), _ = charts(days(*amounts), NOW, ENGLISH)
    assert (chart.marks, chart.zero) == (marks, zero)


@given(st.lists(st.decimals(-(10**12), 10**12, places=2).map(str), min_size=2, max_size=DAYS))
def test_every_line_runs_within_the_field(amounts: list[str]) -> None:
    (chart,), _ = charts(days(*amounts), NOW, ENGLISH)
    for line in chart.lines:
        points = re.findall(r"[ML](\S+) ([^MLh]+)", line.path)
        assert len(points) == len(amounts)
        assert all(0 <= float(x) <= chart.width and -0.01 <= float(y) <= 100.01 for x, y in points)


def test_currencies_are_never_added_and_those_with_the_most_invoices_are_drawn() -> None:
    names = ("AAA", "BBB", "CCC", "DDD")
    totals: Totals = {
        status: {name: Tally(number + 1, Decimal(number)) for number, name in enumerate(names)} for status in Status
    }
    drawn, hidden = charts([Stand(NOW - DAY, totals), Stand(NOW, totals)], NOW, ENGLISH)
    assert [chart.currency for chart in drawn] == ["DDD", "CCC", "BBB"]
    assert len(drawn) == CURRENCIES
    assert hidden == 1


def test_the_lines_differ_in_more_than_their_colour() -> None:
    html = PAGES["books"]().decode()
    dashes = re.findall(r"\.chart \.(?:unpaid|paid|escalated)\{stroke:var\([\w-]+\);?([^}]*)\}", html)
    assert len(dashes) == len(set(dashes)) == 3
