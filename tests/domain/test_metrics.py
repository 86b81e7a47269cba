"""Figures over a window: percentiles by nearest rank, payment latency, what was collected, what has changed."""

from __future__ import annotations

from decimal import Decimal
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.books import Trail
from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.metrics import Latency, collected, difference, latency, percentile, waited
from supervisor.domain.money import rounded
from supervisor.domain.totals import Tally, Totals

LENGTHS = st.lists(st.floats(min_value=0, max_value=1e9), min_size=1)
CURRENCIES = st.sampled_from(["USD", "COP", "JPY", "KWD"])
TALLIES = st.builds(
    Tally,
    count=st.integers(min_value=1, max_value=10**6),
    total=st.decimals(min_value=-1000, max_value=10**12, places=4),
)
TOTALS = st.fixed_dictionaries({status: st.dictionaries(CURRENCIES, TALLIES) for status in Status})


def paid(**known: float | Decimal | str | None) -> Invoice:
    values: dict[str, object] = {"amount": Decimal(100), "currency": "USD", **known}
    return Invoice(number="INV-1", client="acme", status=Status.PAID, word="paid", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("percent", "count", "rank"),
    [
        (50, 1, 1),
        (99, 1, 1),
        (50, 2, 1),
        (50, 3, 2),
        (90, 10, 9),
        (90, 11, 10),
        (99, 100, 99),
        (99, 101, 100),
        (100, 7, 7),
        (1, 100, 1),
    ],
)
def test_percentiles_are_those_of_the_nearest_rank(percent: int, count: int, rank: int) -> None:
    assert percentile([float(number) for number in range(1, count + 1)], percent) == rank


@given(LENGTHS, st.integers(min_value=1, max_value=100))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(lengths: list[float], percent: int) -> None:
    found = percentile(sorted(lengths), percent)

    def share(limit: float) -> bool:
        return 100 * sum(length <= limit for length in lengths) >= percent * len(lengths)

    assert found in lengths
    assert share(found)
    assert not any(share(length) for length in lengths if length < found)


@given(LENGTHS)
def test_latency_of_any_lengths(lengths: list[float]) -> None:
    found = latency(lengths)
    assert found is not None
    assert found.count == len(lengths)
    assert found.average == pytest.approx(fmean(lengths))
    assert min(lengths) <= found.p50 <= found.p90 <= found.p99 <= max(lengths)


def test_latency_of_nothing_is_no_data() -> None:
    assert latency([]) is None
    assert latency([0.0]) == Latency(1, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("invoice", "trail", "seconds"),
    [
        (paid(detected_at=10.0, paid_at=25.0), None, 15.0),
        (paid(detected_at=10.0, paid_at=10.0), None, 0.0),
        (paid(detected_at=10.0, paid_at=25.0), Trail(unpaid_at=0.0, paid_at=99.0), 15.0),
        (paid(detected_at=25.0, paid_at=10.0), Trail(unpaid_at=0.0, paid_at=99.0), None),
        (paid(paid_at=25.0), Trail(unpaid_at=5.0, paid_at=26.0), 21.0),
        (paid(detected_at=10.0), Trail(unpaid_at=5.0, paid_at=26.0), 21.0),
        (paid(paid_at=25.0), Trail(unpaid_at=27.0, paid_at=26.0), None),
        (paid(paid_at=25.0), Trail(paid_at=26.0), None),
        (paid(detected_at=10.0), Trail(unpaid_at=5.0), None),
        (paid(paid_at=25.0), None, None),
        (paid(), None, None),
    ],
)
def test_how_long_a_payment_took(invoice: Invoice, trail: Trail | None, seconds: float | None) -> None:
    assert waited(invoice, trail) == seconds


def test_what_was_collected_is_what_was_paid_by_currency() -> None:
    invoices = [
        paid(paid_amount=Decimal("99.995")),
        paid(amount=Decimal("0.1")),
        paid(amount=None),
        paid(amount=None, paid_amount=Decimal(5), currency="COP"),
        paid(paid_amount=Decimal(0)),
    ]
    assert collected(invoices) == {"COP": Tally(1, Decimal(5)), "USD": Tally(4, Decimal("100.095"))}
    assert collected([]) == {}


def test_a_change_names_what_came_and_what_went() -> None:
    before: Totals = {status: {} for status in Status} | {Status.UNPAID: {"USD": Tally(2, Decimal("10.004"))}}
    now: Totals = {status: {} for status in Status} | {
        Status.UNPAID: {"USD": Tally(1, Decimal("5.003"))},
        Status.PAID: {"EUR": Tally(1, Decimal(7))},
    }
    assert difference(now, before) == {
        Status.UNPAID: {"USD": Tally(-1, Decimal("-5.00"))},
        Status.PAID: {"EUR": Tally(1, Decimal("7.00"))},
        Status.ESCALATED: {},
        Status.REVIEW: {},
    }


@given(TOTALS, TOTALS)
def test_what_was_before_and_the_change_make_what_is_now(now: Totals, before: Totals) -> None:
    change = difference(now, before)
    for status in Status:
        assert change[status].keys() == now[status].keys() | before[status].keys()
        for currency, tally in change[status].items():
            then, today = before[status].get(currency, Tally()), now[status].get(currency, Tally())
            assert then.count + tally.count == today.count
            assert rounded(then.total, currency) + tally.total == rounded(today.total, currency)
