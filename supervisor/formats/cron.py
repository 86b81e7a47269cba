"""Cron expressions: when they name a moment, by the clock of a zone, as Debian's cron reads it.

What lies in the hour that spring leaves out comes right after it, what lies in the hour that autumn repeats comes once;
where minute or hour begins with a star, each counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from supervisor.domain.schedule import Schedule

_FIELDS = 5
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def checked(expression: str) -> str:
    """Return `expression`. Raises ValueError where it is none, or names a time that never comes."""
    expected = 'expected minute, hour, day, month and weekday as cron has them, such as "*/30 * * * *"'
    if len(expression.split()) != _FIELDS:
        raise ValueError(expected)
    try:
        next(CronSim(expression, _SOME_DAY))
    except CronSimError as error:
        raise ValueError(f"{expected}: {str(error).lower()}") from None
    except StopIteration:
        raise ValueError("expected a time that comes some day") from None
    return expression


def times(expression: str, time_zone: str) -> Callable[[float], Iterator[float]]:
    """Return what yields the moments (s since the epoch) after a given one, in order. Raises ValueError.

    `time_zone` is the zone's IANA name.
    """
    checked(expression)
    zone = UTC if time_zone == "UTC" else ZoneInfo(time_zone)

    def after(at: float) -> Iterator[float]:
        # In the hour that autumn repeats, the first answer may lie before the question.
        found = (moment.timestamp() for moment in CronSim(expression, datetime.fromtimestamp(max(at, 0.0), zone)))
        return (moment for moment in found if moment > at)

    return after


def schedule(expression: str, time_zone: str, grace: float) -> Schedule:
    """Return the schedule of an agent. Raises ValueError."""
    after = times(expression, time_zone)
    known = (0.0, 0.0)

    def first(at: float) -> float:
        # A thousand agents ask about the same hour, and each answer takes a good part of a millisecond to find.
        nonlocal known
        begin, found = known
        if not begin <= at < found:
            begin, found = known = at, next(after(at))
        return found

    return Schedule(expression, time_zone, grace, first)
