"""The money of the last weeks as lines, a chart for each currency, and the same as a table. Pure; text and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY
from supervisor.domain.money import rounded
from supervisor.domain.totals import Tally
from supervisor.domain.trend import Stand
from supervisor.faces.languages.language import Language

DAYS = 30
"""So many days a chart shows at the most, today among them."""

CURRENCIES = 3
"""So many currencies have a chart, those with the most invoices."""

SHOWN = (Status.UNPAID, Status.PAID, Status.ESCALATED)

_HEIGHT = 100
_STEPS = tuple(map(Decimal, ("1", "2", "2.5", "5", "10")))


@dataclass(frozen=True, slots=True)
class Line:
    """One status: where its line runs, and what it comes to at its end."""

    status: str
    path: str
    last: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The money in one currency.

    Args:
        width, height: of the field in which the lines run; a day is 1 wide.
        marks: what stands beside the field, from the top down.
        zero: how far down the line of nothing runs.
        days: of each day its name and what the statuses came to, oldest first.
        words: the picture in a sentence.
    """

    currency: str
    width: int
    height: int
    marks: tuple[str, ...]
    zero: str
    lines: tuple[Line, ...]
    days: tuple[tuple[str, tuple[str, ...]], ...]
    words: str


def charts(days: Sequence[Stand], now: float, speech: Language) -> tuple[list[Chart], int]:
    """Return a chart for each currency, and for how many there is none; one day alone makes no chart.

    `days` are those of `domain.trend.Trend`; what is older than `DAYS` is left out.
    """
    shown = [stand for stand in days if 0 <= now // DAY - stand.at // DAY < DAYS]
    if len(shown) < 2:  # noqa: PLR2004 - a line needs two ends
        return [], 0
    many: Counter[str] = Counter()
    for stand in shown:
        for status in SHOWN:
            many.update({currency: tally.count for currency, tally in stand.totals[status].items()})
    currencies = sorted(many, key=lambda currency: (-many[currency], currency))
    drawn = [_chart(shown, currency, speech) for currency in currencies[:CURRENCIES]]
    return drawn, len(currencies) - len(drawn)


def _chart(stands: Sequence[Stand], currency: str, speech: Language) -> Chart:
    first = stands[0].at // DAY
    places = [int(stand.at // DAY - first) for stand in stands]
    money = {status: [_amount(stand, status, currency) for stand in stands] for status in SHOWN}
    every = [amount for amounts in money.values() for amount in amounts]
    top, bottom = _ample(max(every)), -_ample(-min(every)) if min(every) < 0 else Decimal()
    top = top if max(every) > 0 or not bottom else Decimal()

    def height(amount: Decimal) -> str:
        return f"{float((top - amount) / (top - bottom)) * _HEIGHT:.4g}"

    lines = tuple(
        Line(status.value, _path(places, list(map(height, amounts))), speech.money(amounts[-1], currency))
        for status, amounts in money.items()
    )
    names = [speech.day(stand.at) for stand in stands]
    told = [
        speech.say(
            "{status} from {first} to {last}",
            status=speech.say(line.status),
            first=speech.money(money[Status(line.status)][0], currency),
            last=line.last,
        )
        for line in lines
    ]
    return Chart(
        currency=currency,
        width=places[-1],
        height=_HEIGHT,
        marks=tuple(speech.number(_mark(amount)) for amount in (top, (top + bottom) / 2, bottom)),
        zero=height(Decimal()),
        lines=lines,
        days=tuple(
            (name, tuple(speech.amount(money[status][number], currency) for status in SHOWN))
            for number, name in enumerate(names)
        ),
        words=speech.say(
            "{currency} from {first} to {last}: {told}",
            currency=currency,
            first=names[0],
            last=names[-1],
            told=", ".join(told),
        ),
    )


def _amount(stand: Stand, status: Status, currency: str) -> Decimal:
    return rounded(stand.totals[status].get(currency, Tally()).total, currency)


def _path(places: Sequence[int], heights: Sequence[str]) -> str:
    """Return the line through these points. A day of which nothing is known breaks it; a point alone is a dot."""
    return "".join(_strokes(places, heights))


def _strokes(places: Sequence[int], heights: Sequence[str]) -> Iterator[str]:
    for number, (place, height) in enumerate(zip(places, heights, strict=True)):
        goes_on = number > 0 and places[number - 1] == place - 1
        yield f"L{place} {height}" if goes_on else f"M{place} {height}h0"


def _ample(amount: Decimal) -> Decimal:
    """Return a round figure of at least `amount`, 1 for nothing."""
    if amount <= 0:
        return Decimal(1)
    unit = Decimal(1).scaleb(amount.adjusted())
    return next(step * unit for step in _STEPS if step * unit >= amount)


def _mark(amount: Decimal) -> Decimal:
    return amount.normalize() or Decimal()
