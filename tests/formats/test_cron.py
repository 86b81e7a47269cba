"""Cron expressions in zones whose clocks are set, against a walk of every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.formats.cron import times

NEW_YORK = "America/New_York"
BERLIN = "Europe/Berlin"


def found(expression: str, zone: str, since: str, number: int) -> list[str]:
    """Return the next moments after a local time, as the clock on the wall shows them."""
    begin = datetime.fromisoformat(since).replace(tzinfo=ZoneInfo(zone)).timestamp()
    moments = islice(times(expression, zone)(begin), number)
    return [datetime.fromtimestamp(at, ZoneInfo(zone)).isoformat(timespec="minutes") for at in moments]


@pytest.mark.parametrize(
    ("expression", "zone", "since", "expected"),
    [
        # 02:30 does not exist: what it was for is done as soon as the gap is over.
        (
            "30 2 * * *",
            NEW_YORK,
            "2026-03-07T12:00",
            ["2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"],
        ),
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        # 01:30 (02:30) comes twice: once is enough.
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00", ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        # What comes every half hour does so in that night, too.
        (
            "*/30 * * * *",
            BERLIN,
            "2026-10-25T02:10",
            ["2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"],
        ),
        ("0 2 * * sun", "America/Bogota", "2026-03-01T02:00", ["2026-03-08T02:00-05:00"]),
        ("0 0 29 2 *", "UTC", "2026-03-01T02:00", ["2028-02-29T00:00+00:00"]),
    ],
)
def test_moments(expression: str, zone: str, since: str, expected: list[str]) -> None:
    assert found(expression, zone, since, len(expected)) == expected


def test_from_within_the_hour_that_comes_again() -> None:
    begin = datetime(2026, 11, 1, 1, 10, tzinfo=ZoneInfo(NEW_YORK), fold=1).timestamp()
    first = next(times("30 1 * * *", NEW_YORK)(begin))
    assert datetime.fromtimestamp(first, UTC).isoformat() == "2026-11-02T06:30:00+00:00"


@settings(max_examples=60, deadline=None)
@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    night=st.sampled_from(
        [(NEW_YORK, 2026, 3, 8), (NEW_YORK, 2026, 11, 1), (BERLIN, 2026, 3, 29), (BERLIN, 2026, 10, 25)]
    ),
    since=st.integers(0, 3 * 86400),
)
def test_a_fixed_time_comes_once_a_day_through_the_nights_in_which_clocks_are_set(
    minute: int, hour: int, night: tuple[str, int, int, int], since: int
) -> None:
    name, *day = night
    zone, begin = ZoneInfo(name), datetime(*day, tzinfo=UTC) - timedelta(days=2)  # type: ignore[arg-type]
    expected = []
    seen = set()
    owed = None
    for number in range(6 * 24 * 60):
        at = begin + timedelta(minutes=number)
        wall, before = at.astimezone(zone), (at - timedelta(minutes=1)).astimezone(zone)
        today = wall.replace(hour=hour, minute=minute, fold=0)
        gap = wall.utcoffset() > before.utcoffset()  # type: ignore[operator]
        if gap and before.replace(tzinfo=None) < today.replace(tzinfo=None) < wall.replace(tzinfo=None):
            owed = wall.date()
        if (owed == wall.date() or (wall.hour, wall.minute) == (hour, minute)) and wall.date() not in seen:
            seen.add(wall.date())
            expected.append(at.timestamp())
    start = begin.timestamp() + since
    wanted = [at for at in expected if at > start][:2]
    assert list(islice(times(f"{minute} {hour} * * *", name)(start), 2)) == wanted


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 2 * *", "expected minute, hour"),
        ("0 0 2 * * *", "expected minute, hour"),
        ("", "expected minute, hour"),
        ("60 2 * * *", "as cron has them.*: bad minute"),
        ("0 2 * * mittwoch", "as cron has them.*: bad day-of-week"),
        ("0 0 30 2 *", "as cron has them.*: bad day-of-month"),
        ("0 0 */31 * mon#5", "a time that comes some day"),
    ],
)
def test_what_is_no_time_is_said(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        times(expression, "UTC")
