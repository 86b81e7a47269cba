"""Amounts of money: the one place where text becomes a `Decimal`, never through a binary float."""

from __future__ import annotations

import re
from decimal import Decimal

DIGITS = 15
"""An amount has at most so many digits before its decimal point."""

DECIMALS = 30
"""And at most so many after it: every float of an agent's that is money has fewer."""

_LONGEST = 64  # characters: what is longer is not looked at
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?([eE][+-]?[0-9]{1,6})?")
_TEXT = re.compile(r"(-(?:\$ ?)?|(?:\$ ?)?-?)([0-9][0-9.,]*)")
_ENGLISH = re.compile(r"(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
_SPANISH = re.compile(r"(?:[0-9]+|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,[0-9]+)?")
_SWAPPED = str.maketrans(".,", ",.")


def parse_number(text: str) -> Decimal | None:
    """Return the amount that a JSON number is, exactly; None where it is none, or one beyond `DIGITS` or `DECIMALS`."""
    number = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if number is None:
        return None
    if number.lastindex is None and len(text) <= DIGITS:
        return Decimal(text)  # no exponent and few digits, as nearly always: nothing to bound
    return _bounded(text)


def parse_amount(text: str) -> Decimal | None:
    """Return the amount that a text such as `$1,500.00`, `-80` or `1.500,00` means.

    None where it is none, lies beyond `DIGITS` or `DECIMALS`, or can be read in two ways, as `1.500` can.
    """
    text = text.strip()
    parts = _TEXT.fullmatch(text) if len(text) <= _LONGEST else None
    if parts is None:
        return None
    sign, digits = parts.groups()
    readings = set()
    if _ENGLISH.fullmatch(digits):
        readings.add(_bounded(digits.replace(",", "")))
    if _SPANISH.fullmatch(digits):
        readings.add(_bounded(digits.translate(_SWAPPED).replace(",", "")))
    amount = readings.pop() if len(readings) == 1 else None
    return amount if amount is None or "-" not in sign else amount.copy_negate()


def _bounded(number: str) -> Decimal | None:
    """Return `number` as it is written. A few bytes of exponent must not become a megabyte of zeros."""
    amount = Decimal(number)
    decimals = -int(amount.as_tuple().exponent)
    return amount if decimals <= DECIMALS and amount.adjusted() < DIGITS else None
