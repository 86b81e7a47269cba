"""How the totals of the books went, as far back as they are known. Times: s since the epoch; days are those of UTC."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from supervisor.domain.metrics import DAY, difference
from supervisor.domain.totals import Totals


@dataclass(frozen=True, slots=True)
class Stand:
    """The totals of one moment."""

    at: float
    totals: Totals


@dataclass(frozen=True, slots=True)
class Trend:
    """How the totals came to what they are.

    Args:
        change: what came to and left each status since `change_since`, by currency; None where that is not known.
        change_since: a day ago, or the moment nearest to that of which totals are known.
        days: the last totals of each day, oldest first; a day of which none are known is left out.
    """

    change: Totals | None = None
    change_since: float | None = None
    days: tuple[Stand, ...] = ()


def change(now: Stand, earlier: Sequence[Stand], begin: float) -> tuple[Totals | None, float | None]:
    """Return what has changed since `begin`, and since when: see `Trend`. `earlier` is in order, oldest first.

    Totals of no earlier moment than `now` tell of no change, and books that never held anything have none.
    """
    if not earlier:
        return None, None
    base = earlier[max(bisect_right(earlier, begin, key=_at) - 1, 0)]
    changed = difference(now.totals, base.totals)
    return (changed, base.at) if base.at < now.at and any(changed.values()) else (None, None)


def by_day(stands: Iterable[Stand]) -> tuple[Stand, ...]:
    """Return the last of each day, oldest first; of one day, the last in the order of `stands`."""
    return tuple(sorted({stand.at // DAY: stand for stand in stands}.values(), key=_at))


def thinned(stands: Sequence[Stand], begin: float) -> list[Stand]:
    """Return all from `begin` on, and before it the last of each day; `stands` are in order, oldest first."""
    first = bisect_left(stands, begin, key=_at)
    return [*by_day(stands[:first]), *stands[first:]]


def _at(stand: Stand) -> float:
    return stand.at
