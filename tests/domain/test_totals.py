"""Running totals: exact, by status and currency, one invoice at a time."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.invoices import Invoice, Status
from supervisor.domain.totals import RunningTotals, Tally

LONG = Decimal("100000000000000." + "0" * 29 + "1")
"""An amount of more digits than a default sum keeps."""

AMOUNTS = (
    st.none()
    | st.just(LONG)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=10**9)
)
INVOICES = st.builds(
    Invoice,
    number=st.just("INV-1"),
    client=st.just("acme"),
    amount=AMOUNTS,
    currency=st.sampled_from(["USD", "COP"]),
    status=st.none() | st.sampled_from(Status),
    word=st.just(""),
)


def test_nothing_is_nothing_in_every_status() -> None:
    assert RunningTotals().now() == {status: {} for status in Status}


def test_cents_stay_cents() -> None:
    totals = RunningTotals()
    for _ in range(3):
        totals.add(Invoice("INV-1", "acme", Decimal("0.1"), "USD", Status.UNPAID, "unpaid"))
    assert totals.now()[Status.UNPAID] == {"USD": Tally(3, Decimal("0.3"))}


def test_no_digit_is_rounded_away() -> None:
    totals = RunningTotals()
    long = Invoice("INV-1", "acme", LONG, "USD", Status.UNPAID, "unpaid")
    totals.add(long)
    totals.add(Invoice("INV-2", "acme", Decimal(1), "USD", Status.UNPAID, "unpaid"))
    assert totals.now()[Status.UNPAID]["USD"].total == Decimal(f"{str(LONG)[:14]}1{str(LONG)[15:]}")
    totals.remove(long)
    assert totals.now()[Status.UNPAID] == {"USD": Tally(1, Decimal(1))}


def test_an_unknown_status_counts_nowhere_and_no_amount_counts_as_nothing() -> None:
    totals = RunningTotals()
    totals.add(Invoice("INV-1", "acme", Decimal(5), "USD", None, "lost"))
    totals.add(Invoice("INV-2", "acme", None, "USD", Status.PAID, "paid"))
    assert totals.now()[Status.PAID] == {"USD": Tally(1, Decimal())}
    assert sum(len(tallies) for tallies in totals.now().values()) == 1


@given(st.lists(INVOICES), st.lists(INVOICES))
def test_what_comes_and_goes_leaves_the_rest(stay: list[Invoice], go: list[Invoice]) -> None:
    totals, expected = RunningTotals(), RunningTotals()
    for invoice in stay + go:
        totals.add(invoice)
    for invoice in go:
        totals.remove(invoice)
    for invoice in stay:
        expected.add(invoice)
    assert totals.now() == expected.now()
