"""Schedules as cron writes them: five fields, such as "*/30 * * * *", in a time zone.

Where the clocks are changed it goes as with Debian's cron: what lies in the hour that spring leaves out comes right
after it, what lies in the hour that autumn repeats comes once; where minute or hour begins with a star, each counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from supervisor.domain.schedule import Schedule

_FIELDS = 5
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def checked(expression: str) -> str:
    """Return `expression`. Raises ValueError where it is no schedule, or one that never comes."""
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


def schedule(expression: str, time_zone: str, grace: float) -> Schedule:
    """Return the schedule. Raises ValueError."""
    return Schedule(expression, time_zone, grace, _after(checked(expression), ZoneInfo(time_zone)))


def _after(expression: str, zone: tzinfo) -> Callable[[float], float]:
    def after(at: float) -> float:
        begin = datetime.fromtimestamp(max(at, 0.0), zone)
        # In the hour that autumn repeats, the first answer may lie before the question.
        return next(run for time in CronSim(expression, begin) if (run := time.timestamp()) > at)

    return after
