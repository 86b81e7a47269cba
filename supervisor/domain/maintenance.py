"""Windows of maintenance: silences that the calendar opens and closes. Times: seconds since the epoch, lengths: s."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

_JOINED = 100
"""So many openings that overlap are one; where there are more, its end is found as it comes nearer."""

Times = Callable[[float], Iterator[float]]
"""What the calendar says: the moments after a given one, in order."""


@dataclass(frozen=True, slots=True)
class Window:
    """Nobody is notified of what matches for `duration` from each time that the calendar names.

    Args:
        matcher: as a silence's.
        schedule, time_zone: the cron expression and the zone (IANA) that `times` was made from.
    """

    name: str
    matcher: str
    comment: str
    duration: float
    schedule: str
    time_zone: str
    times: Times = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """A window is open from `starts_at` until just before `ends_at`."""

    starts_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Planned:
    """A window, and when it is opened next; None where its schedule has come to an end."""

    window: Window
    next_at: float | None


def opening_at(window: Window, now: float) -> Opening | None:
    """Return the opening that `now` falls into, None where the window is shut.

    Openings that overlap, or follow one another without a gap, are one.
    """
    found = None
    for at in islice(window.times(now - window.duration), _JOINED):
        if at > (now if found is None else found.ends_at):
            break
        found = Opening(at if found is None else found.starts_at, at + window.duration)
    return found


def next_opening(window: Window, now: float) -> float | None:
    """Return when the window, shut or open now, is opened next; None where the calendar ends."""
    open_now = opening_at(window, now)
    after = now if open_now is None else open_now.ends_at
    return next(window.times(after), None)
