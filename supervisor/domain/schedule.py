"""When an agent runs by itself, as cron starts it: the times come from outside, the domain only asks for the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times at which an agent begins to work. Two are equal where they say the same.

    Args:
        expression: the times, as cron writes them.
        time_zone: of those times (IANA).
        grace: how long after its time (s) a run may still let itself be heard.
        after: returns the first time after a moment; both s since the epoch.
    """

    expression: str
    time_zone: str
    grace: float
    after: Callable[[float], float] = field(compare=False, repr=False)
