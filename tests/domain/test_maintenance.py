"""Windows that the calendar opens: against a walk that looks at every minute."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.maintenance import Opening, Times, Window, next_opening, opening_at

DAY = 24 * 60


def at(*times: float) -> Times:
    return lambda after: (time for time in sorted(times) if time > after)


def every(period: float) -> Times:
    def after(moment: float) -> Iterator[float]:
        return (period * number for number in count(int(moment // period) + 1))

    return after


def window(times: Times, duration: float) -> Window:
    return Window("backup", "*", "backup", duration, "", "UTC", times)


@given(
    begins=st.sets(st.integers(0, DAY), max_size=12),
    duration=st.integers(1, 200),
    halves=st.integers(-2, 2 * DAY),
)
def test_it_is_open_when_a_walk_of_every_minute_finds_it_open(begins: set[int], duration: int, halves: int) -> None:
    walked = [any(begin <= minute < begin + duration for begin in begins) for minute in range(-1, DAY + 220)]
    now = halves / 2
    shut = window(at(*begins), duration)
    found = opening_at(shut, now)
    assert (found is not None) is walked[int(now // 1) + 1]
    if found is None:
        after = [begin for begin in begins if begin > now]
        assert next_opening(shut, now) == min(after, default=None)
        return
    assert found.starts_at <= now < found.ends_at
    assert found.starts_at in begins
    assert all(walked[minute + 1] for minute in range(int(found.starts_at), int(found.ends_at)))
    assert not walked[int(found.ends_at) + 1], "it would have been shut too early"
    later = next_opening(shut, now)
    assert later is None or later > found.ends_at
    assert later == min((begin for begin in begins if begin > found.ends_at), default=None)


@pytest.mark.parametrize("duration", [60.0, 90.0, 7200.0])
def test_a_window_that_is_never_shut_goes_on_as_long_as_can_be_seen(duration: float) -> None:
    found = opening_at(window(every(60.0), duration), 600.0)
    assert found is not None
    assert found.starts_at <= 600.0
    assert found.ends_at > 600.0 + 60.0 * 50
    again = opening_at(window(every(60.0), duration), found.ends_at)
    assert again is not None, "it is shut at no moment"


def test_openings_that_touch_are_one() -> None:
    assert opening_at(window(at(0.0, 60.0, 121.0), 60.0), 30.0) == Opening(0.0, 120.0)


def test_a_calendar_that_ends() -> None:
    assert next_opening(window(at(0.0), 60.0), 30.0) is None
    assert next_opening(window(at(0.0), 60.0), -1.0) == 0.0
