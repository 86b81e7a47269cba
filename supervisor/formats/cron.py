"""Cron expressions: when they name a moment, by the clock of a zone, as Debian's cron reads it.

Of a fixed time that the clocks skip in spring the minute after the gap counts; of one that they repeat in autumn the
first does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS = 5


def times(expression: str, time_zone: str) -> Callable[[float], Iterator[float]]:
    """Return what yields the moments (s since the epoch) after a given one, in order. Raises ValueError.

    `time_zone` is the zone's IANA name.
    """
    zone = UTC if time_zone == "UTC" else ZoneInfo(time_zone)

    def after(at: float) -> Iterator[float]:
        for moment in CronSim(expression, datetime.fromtimestamp(at, zone)):
            found = moment.timestamp()
            if found > at:
                yield found

    if len(expression.split()) != _FIELDS:
        raise ValueError('expected five fields, such as "0 2 * * sun": minute, hour, day, month, weekday')
    try:
        first = next(after(datetime.now(UTC).timestamp()), None)
    except CronSimError as error:
        raise ValueError(f"expected a cron expression of a time that comes: {str(error).lower()}") from None
    if first is None:
        raise ValueError("expected a cron expression of a time that comes")
    return after
