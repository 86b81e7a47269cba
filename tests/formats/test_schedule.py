"""Schedules as cron has them, through the changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.formats.cron import checked, schedule


def times(expression: str, zone: str, begin: str, count: int = 3) -> list[str]:
    """Return the times after a local `begin` that follow one another, with their distance to UTC."""
    after = schedule(expression, zone, 0.0).after
    at = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo(zone)).timestamp()
    found = []
    for _ in range(count):
        at = after(at)
        found.append(datetime.fromtimestamp(at, ZoneInfo(zone)).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("expression", "begin", "expected"),
    [
        ("*/30 * * * *", "2026-02-17 09:10", ["2026-02-17T09:30-05:00", "2026-02-17T10:00-05:00"]),
        ("*/30 * * * *", "2026-02-17 09:30", ["2026-02-17T10:00-05:00", "2026-02-17T10:30-05:00"]),
        ("0 3 * * *", "2026-02-17 09:10", ["2026-02-18T03:00-05:00", "2026-02-19T03:00-05:00"]),
        ("0 9 * * MON-FRI", "2026-02-20 10:00", ["2026-02-23T09:00-05:00", "2026-02-24T09:00-05:00"]),
        ("0 0 L * *", "2026-02-17 00:00", ["2026-02-28T00:00-05:00", "2026-03-31T00:00-05:00"]),
        ("0 0 29 2 *", "2026-02-17 00:00", ["2028-02-29T00:00-05:00", "2032-02-29T00:00-05:00"]),
    ],
)
def test_times_follow_one_another(expression: str, begin: str, expected: list[str]) -> None:
    assert times(expression, "America/Bogota", begin, 2) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 2 * * *", ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("*/30 2 * * *", ["2026-03-28T02:00+01:00", "2026-03-28T02:30+01:00", "2026-03-30T02:00+02:00"]),
    ],
)
def test_the_hour_that_spring_leaves_out(expression: str, expected: list[str]) -> None:
    assert times(expression, "Europe/Berlin", "2026-03-28 00:00") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 2 * * *", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00", "2026-10-27T02:30+01:00"]),
        ("30 * * * *", ["2026-10-25T01:30+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]),
    ],
)
def test_the_hour_that_autumn_repeats(expression: str, expected: list[str]) -> None:
    assert times(expression, "Europe/Berlin", "2026-10-25 01:00") == expected


def test_a_question_within_the_repeated_hour_is_not_answered_with_the_past() -> None:
    at = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert datetime.fromtimestamp(schedule("30 2 * * *", "Europe/Berlin", 0.0).after(at), UTC).day == 26


def test_schedules_that_say_the_same_are_equal() -> None:
    one = schedule("0 3 * * *", "UTC", 60.0)
    assert {one, schedule("0 3 * * *", "UTC", 60.0)} == {one}
    assert one not in {schedule("0 4 * * *", "UTC", 60.0), schedule("0 3 * * *", "Asia/Tokyo", 60.0)}


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "minute, hour, day"),
        ("0 3 * *", "minute, hour, day"),
        ("0 0 3 * * *", "minute, hour, day"),
        ("@daily", "minute, hour, day"),
        ("61 * * * *", "bad minute"),
        ("* * * * FOO", "bad day-of-week"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 0 */31 2 1#5", "comes some day"),
    ],
)
def test_what_is_no_schedule_or_never_comes_is_refused(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        checked(expression)


pieces = st.text(alphabet="0123456789*/,-#LWMON ", max_size=30) | st.text(max_size=30)


@given(pieces)
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        found = schedule(text, "Europe/Berlin", 0.0)
    except ValueError:
        return
    assert found.after(-1e12) > -1e12


@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 2,3 * * *", "15 * * * *", "0 0 1 * *"]),
    st.sampled_from(["Europe/Berlin", "America/Bogota", "Australia/Lord_Howe", "UTC"]),
    st.floats(1.7e9, 1.9e9),
)
def test_the_next_time_is_later_and_none_is_passed_over(expression: str, zone: str, at: float) -> None:
    after = schedule(expression, zone, 0.0).after
    first = after(at)
    assert first > at
    assert after((at + first) / 2) == first
    assert after(first - 0.5) == first
