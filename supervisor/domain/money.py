"""Amounts of money: exact decimals from the file's text on, one currency at a time."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Context, Decimal

_MINOR_DIGITS: Mapping[str, int] = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),  # noqa: SIM905 - ISO 4217's list
        0,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),  # noqa: SIM905
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""ISO 4217: the currencies whose minor unit is not a hundredth."""


EXACT = Context(prec=100)
"""For sums: enough for any amounts that a file can hold; the default of 28 digits would round, and not back."""


def minor_digits(currency: str) -> int:
    """Return how many decimals an amount in `currency` (ISO 4217) has."""
    return _MINOR_DIGITS.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return `amount` in whole minor units of `currency`, half a unit away from zero."""
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), ROUND_HALF_UP, EXACT)


def agree(one: Decimal, other: Decimal, currency: str) -> bool:
    """Whether two amounts are the same once rounded to the minor unit.

    Half a unit may be rounded either way: the agents round binary floats, where it is a little more or less.
    """
    unit = Decimal(1).scaleb(-minor_digits(currency))
    ways = (ROUND_HALF_UP, ROUND_HALF_DOWN)
    return not {one.quantize(unit, way, EXACT) for way in ways}.isdisjoint(
        other.quantize(unit, way, EXACT) for way in ways
    )


def plain(amount: Decimal, currency: str) -> str:
    """Return the amount as programs read it: "681398.27"."""
    return f"{rounded(amount, currency):f}"


def spoken(amount: Decimal, currency: str) -> str:
    """Return the amount as people read it: "681,398.27 USD"."""
    return f"{rounded(amount, currency):,f} {currency}"
