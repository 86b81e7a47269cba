"""Times as people read them on a page. Pure; s since the epoch in, UTC out."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.domain.words import span
from supervisor.faces.documents import rfc3339

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as people read it ("3 min ago", "14:03:11 UTC") and as programs do."""

    ago: str
    clock: str
    iso: str


def moment(at: float, now: float) -> Moment:
    """Return `at` in UTC, with the date where it is not today's."""
    iso, today = rfc3339(at), rfc3339(now)
    date = "" if iso[:10] == today[:10] else f"{day(at)} "
    year = "" if iso[:4] == today[:4] else f"{iso[:4]} "
    ago = f"{span(now - at)} ago" if at <= now else f"in {span(at - now)}"
    return Moment(ago, f"{date}{year}{iso[11:19]} UTC", f"{iso[:19]}Z")


def day(at: float) -> str:
    """Return the day as "17 Feb"."""
    iso = rfc3339(at)
    return f"{int(iso[8:10])} {_MONTHS[int(iso[5:7]) - 1]}"
