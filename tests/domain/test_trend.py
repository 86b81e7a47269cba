"""How the totals went: what has changed since a moment, and the last of each day."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY
from supervisor.domain.totals import Tally, Totals
from supervisor.domain.trend import Stand, by_day, change, thinned
from tests.support.accounts import usd

NOTHING: Totals = {status: {} for status in Status}
STANDS = (Stand(100.0, usd("10")), Stand(200.0, usd("12")), Stand(300.0, usd("15")))
STAND_LISTS = st.lists(st.floats(0, 20 * DAY).map(lambda at: Stand(at, NOTHING)), max_size=40).map(
    lambda stands: sorted(stands, key=lambda one: one.at)
)


@pytest.mark.parametrize(
    ("begin", "since", "more"),
    [
        (250.0, 200.0, "8.00"),  # the newest that is not later
        (200.0, 200.0, "8.00"),
        (50.0, 100.0, "10.00"),  # nothing is known of so early a time
        (900.0, 300.0, "5.00"),
    ],
)
def test_the_change_is_that_since_the_moment_nearest_to_the_beginning(begin: float, since: float, more: str) -> None:
    changed, at = change(Stand(400.0, usd("20")), STANDS, begin)
    assert at == since
    assert changed is not None
    assert changed[Status.UNPAID] == {"USD": Tally(0, Decimal(more))}


def test_nothing_earlier_tells_of_no_change() -> None:
    assert change(Stand(400.0, usd("20")), (), 0.0) == (None, None)
    assert change(Stand(100.0, usd("20")), STANDS, 0.0) == (None, None)


def test_books_that_never_held_anything_have_no_change() -> None:
    assert change(Stand(400.0, NOTHING), [Stand(1.0, NOTHING)], 0.0) == (None, None)


def test_no_change_is_known_to_be_none() -> None:
    changed, since = change(Stand(400.0, usd("15")), STANDS, 350.0)
    assert since == 300.0
    assert changed == {status: {"USD": Tally(0, Decimal("0.00"))} for status in Status}


@given(STAND_LISTS)
def test_a_day_is_told_by_its_last_totals(stands: list[Stand]) -> None:
    days = by_day(stands)
    assert [stand.at // DAY for stand in days] == sorted({stand.at // DAY for stand in stands})
    for day in days:
        assert day.at == max(stand.at for stand in stands if stand.at // DAY == day.at // DAY)


@given(STAND_LISTS, st.floats(0, 20 * DAY))
def test_thinning_keeps_what_is_new_and_every_day(stands: list[Stand], begin: float) -> None:
    kept = thinned(stands, begin)
    assert [stand for stand in kept if stand.at >= begin] == [stand for stand in stands if stand.at >= begin]
    assert by_day(kept) == by_day(stands)
    assert len([stand for stand in kept if stand.at < begin]) <= 20
    assert thinned(kept, begin) == kept
