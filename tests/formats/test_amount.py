from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervisor.formats.amount import DECIMALS, DIGITS, parse_amount, parse_number

money = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15) + 1, max_value=10**15 - 1)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("3000", "3000"),
        ("1500.005", "1500.005"),
        ("1.500", "1.500"),
        ("-80.00", "-80.00"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("1500e-2", "15.00"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("999999999999999.99", "999999999999999.99"),
        ("0", "0"),
    ],
)
def test_a_number_of_json_is_exact(text: str, amount: str) -> None:
    assert parse_number(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "NaN",
        "Infinity",
        "-Infinity",
        "null",
        "true",
        "1,500.00",
        "$80",
        "+80",
        "01",
        ".5",
        "5.",
        "1_000",
        " 1",
        "1\n",
        "٣",
        "1e999999",
        "1e-999999",
        "0e999999",
        "1e9999999999999999999999",
        "1e15",
        "1000000000000000",
        "1e-31",
        "0." + "0" * 31,
        "9" * 10_000_000,
    ],
)
def test_what_is_no_number_or_beyond_all_money_is_none(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1,500.00", "1500"),
        ("$1,500.00", "1500"),
        ("$681398.27", "681398.27"),
        ("  $ 1,234,567.89 ", "1234567.89"),
        ("-80.00", "-80"),
        ("-$80.00", "-80"),
        ("$-80.00", "-80"),
        ("$ -80.00", "-80"),
        ("3000", "3000"),
        ("1500.005", "1500.005"),
        # The Spanish way, where there is no other way to read it.
        ("1.500,00", "1500"),
        ("1.234.567", "1234567"),
        ("1500,5", "1500.5"),
        ("0,125", "0.125"),
        ("0.125", "0.125"),
        ("1,234,567", "1234567"),
    ],
)
def test_a_text_is_read_where_it_can_mean_one_amount(text: str, amount: str) -> None:
    assert parse_amount(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["1.500", "1,500", "$1,500", "-12.345"])
def test_a_text_that_can_mean_two_amounts_is_not_guessed(text: str) -> None:
    assert parse_amount(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "-",
        "--80",
        "-$-80",
        "$$80",
        "80$",
        "€80.00",
        "1500.00 USD",
        "(80.00)",
        "1,50,000.00",
        "1,500,00",
        "1.500.00",
        "1,500.00.00",
        "1 500.00",
        "1e3",
        "NaN",
        "Infinity",
        ".50",
        "50.",
        "٣",
        "1000000000000000",
        "0," + "0" * 31,
        "9" * 10_000_000,
    ],
)
def test_a_text_that_is_no_amount_is_none(text: str) -> None:
    assert parse_amount(text) is None


@given(money)
def test_what_the_ledger_writes_is_read_back(amount: Decimal) -> None:
    assert parse_amount(f"${amount:,.2f}") == amount
    assert parse_amount(f"${amount:.2f}") == amount
    assert parse_number(f"{amount:f}") == amount


@given(money)
def test_a_swapped_text_means_the_same(amount: Decimal) -> None:
    text = f"{amount:,.2f}"
    assert parse_amount(text.translate(str.maketrans(".,", ",."))) == parse_amount(text)


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14).filter(lambda x: abs(x) > 1e-9)
)
def test_a_float_of_an_agents_is_read_as_it_is_written(number: float) -> None:
    assert parse_number(json.dumps(number)) == Decimal(json.dumps(number))


@given(st.text(max_size=80) | st.text(alphabet="0123456789.,-$ eE+", max_size=70))
@example("0" * 64)
def test_no_text_breaks_it_or_leaves_the_bounds(text: str) -> None:
    for amount in (parse_number(text), parse_amount(text)):
        if amount is not None:
            whole, _, decimals = f"{abs(amount):f}".partition(".")
            assert len(whole) <= DIGITS
            assert len(decimals) <= DECIMALS
