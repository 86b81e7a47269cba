from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain import money

amounts = st.decimals(-(10**15), 10**15, allow_nan=False, allow_infinity=False, places=6)
currencies = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF", "XYZ"])


@pytest.mark.parametrize(
    ("currency", "digits"), [("USD", 2), ("COP", 2), ("JPY", 0), ("CLP", 0), ("KWD", 3), ("CLF", 4), ("XYZ", 2)]
)
def test_the_minor_unit_of_a_currency(currency: str, digits: int) -> None:
    assert money.minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("amount", "currency", "plain", "spoken"),
    [
        ("681398.27", "USD", "681398.27", "681,398.27 USD"),
        ("1e3", "USD", "1000.00", "1,000.00 USD"),
        ("1500.005", "USD", "1500.01", "1,500.01 USD"),
        ("1500.0049", "USD", "1500.00", "1,500.00 USD"),
        ("-1500.005", "USD", "-1500.01", "-1,500.01 USD"),
        ("1500.5", "JPY", "1501", "1,501 JPY"),
        ("1.2345", "KWD", "1.235", "1.235 KWD"),
        ("0", "EUR", "0.00", "0.00 EUR"),
        ("999999999999999.99", "USD", "999999999999999.99", "999,999,999,999,999.99 USD"),
    ],
)
def test_as_programs_and_as_people_read_it(amount: str, currency: str, plain: str, spoken: str) -> None:
    assert money.plain(Decimal(amount), currency) == plain
    assert money.spoken(Decimal(amount), currency) == spoken
    assert money.rounded(Decimal(amount), currency) == Decimal(plain)


@pytest.mark.parametrize(
    ("one", "other", "currency", "same"),
    [
        ("1500", "1500.00", "USD", True),
        ("1500.00", "1500.01", "USD", False),
        # Half a cent may be rounded either way, more may not.
        ("1500.005", "1500.00", "USD", True),
        ("1500.005", "1500.01", "USD", True),
        ("1500.005", "1500.02", "USD", False),
        ("1500.0051", "1500.00", "USD", False),
        ("1500.0049", "1500.01", "USD", False),
        ("-1500.005", "-1500.00", "USD", True),
        ("80", "-80", "USD", False),
        ("1500.4", "1500", "JPY", True),
        ("1500.4", "1500", "USD", False),
        ("1.2344", "1.234", "KWD", True),
        ("1.234", "1.235", "KWD", False),
    ],
)
def test_two_amounts_agree_to_the_minor_unit(one: str, other: str, currency: str, same: bool) -> None:
    assert money.agree(Decimal(one), Decimal(other), currency) is same
    assert money.agree(Decimal(other), Decimal(one), currency) is same


@given(amounts, currencies)
def test_an_amount_agrees_with_itself_as_it_is_written(amount: Decimal, currency: str) -> None:
    assert money.agree(amount, Decimal(money.plain(amount, currency)), currency)
    assert abs(money.rounded(amount, currency) - amount) * 2 <= Decimal(1).scaleb(-money.minor_digits(currency))


@given(amounts, amounts, currencies)
def test_amounts_that_do_not_agree_are_written_differently(one: Decimal, other: Decimal, currency: str) -> None:
    if not money.agree(one, other, currency):
        assert money.plain(one, currency) != money.plain(other, currency)
        assert money.spoken(one, currency) != money.spoken(other, currency)
