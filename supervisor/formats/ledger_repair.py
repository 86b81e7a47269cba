"""The mending of a ledger: the figures of its Summary are replaced, and nothing else is touched.

What a careful bookkeeper does: a wrong figure is mended where it stands; a line that is missing is not invented; and
no total is drawn under a page that cannot be read whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, localcontext

from supervisor.domain.invoices import Status
from supervisor.domain.money import EXACT
from supervisor.formats.amount import DECIMALS, DIGITS
from supervisor.formats.ledger import read

_SECTIONS = (Status.UNPAID, Status.PAID, Status.ESCALATED)
_FIGURE = re.compile(r"(-?)(\$?\s?)-?([0-9.,]+)")
_LEAST_DECIMALS = 2
_AMBIGUOUS_DECIMALS = 3  # 1.500 may be a thousand and a half, or one and a half


def sums(data: bytes) -> dict[Status | None, Decimal]:
    """Return what the Summary should show, exactly: the sum of each section's entries, and with None that of all.

    Empty where anything but the Summary cannot be read, or is unfinished: `parse` tells what.
    """
    reading = read(data)
    if not reading.whole:
        return {}
    with localcontext(EXACT):
        found: dict[Status | None, Decimal] = dict.fromkeys(_SECTIONS, Decimal())
        for entry in reading.ledger.entries:
            found[entry.section] += entry.amount or 0
        found[None] = sum(found.values(), Decimal())
    return found


def with_totals(data: bytes, totals: Mapping[Status | None, Decimal]) -> bytes:
    """Return the ledger with the figures of its Summary lines replaced by `totals`; None stands for the grand total.

    Each figure keeps the style of the one before it: its dollar sign, its marks for decimals and thousands. It is
    written as it is given, with two decimals at least: who wants it rounded rounds it. A figure that is right already
    stays as it is, and so does one that is a sentence instead, and one for which `totals` has nothing.

    Raises ValueError for a total that nobody could read again: no finite number, or one of more than 15 digits.
    """
    lines = data.split(b"\n")
    for figure in read(data).figures:
        total = totals.get(figure.section)
        if total is None or total == figure.amount:
            continue
        text = lines[figure.line - 1].decode()
        old = text[figure.start : figure.end]
        blank = "" if old or text[: figure.start][-1:].isspace() else " "
        new = blank + _written(total, "" if figure.amount is None else old)
        lines[figure.line - 1] = (text[: figure.start] + new + text[figure.end :]).encode()
    return b"\n".join(lines)


def _written(total: Decimal, old: str) -> str:
    """Return `total` in the style of the amount `old`, or as the agents write it where there is none."""
    decimals = max(-int(total.as_tuple().exponent), _LEAST_DECIMALS) if total.is_finite() else DECIMALS + 1
    if decimals > DECIMALS or total.adjusted() >= DIGITS:
        raise ValueError(f"{total} cannot stand in a ledger")
    if decimals == _AMBIGUOUS_DECIMALS:
        decimals += 1
    style = _FIGURE.fullmatch(old)
    minus, symbol, digits = ("", "$", "") if style is None else style.groups()
    point, comma = _marks(digits)
    whole, _, fraction = f"{total.copy_abs():,.{decimals}f}".partition(".")
    figure = whole.replace(",", comma) + point + fraction
    if total >= 0:
        return f"{symbol}{figure}"
    return f"-{symbol}{figure}" if minus else f"{symbol}-{figure}"


def _marks(digits: str) -> tuple[str, str]:
    """Return what stands before the decimals and between the thousands of an amount that can be read only one way."""
    marks = [mark for mark in digits if mark in ".,"]
    if len(marks) > 1:
        comma = marks[0]
        return "," if comma == "." else ".", comma
    return (marks or ["."])[0], ""
