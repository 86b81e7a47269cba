"""When what is fresh goes."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.gathering import (
    IN_A_ROW,
    QUIET,
    QUIET_MAX,
    URGENT_WAIT,
    Pace,
    due_at,
    is_urgent,
    send_at,
    urgent_wait,
)

TIMES = st.floats(0, 1e6)
WAITS = st.floats(0, 3600)


def told(*times: float, group_wait: float = 30.0) -> Pace:
    pace = Pace()
    for at in times:
        pace = pace.told(at, group_wait)
    return pace


def test_a_lone_notice_waits_for_the_quiet_alone() -> None:
    assert send_at(100.0, 100.0, Pace(), 100.0, 30.0) == 100.0 + QUIET


def test_what_waited_long_enough_goes_at_its_time() -> None:
    assert send_at(130.0, 100.0, Pace(), 100.0, 30.0) == 130.0


def test_what_never_ceases_to_come_is_not_waited_for() -> None:
    assert send_at(100.0, 105.0, Pace(), 105.0, 30.0) == 100.0 + QUIET_MAX


def test_after_three_in_a_row_one_goes_every_group_wait() -> None:
    assert told(0.0, 1.0).earliest(2.0, 30.0) == -inf
    assert told(0.0, 1.0, 2.0).earliest(3.0, 30.0) == 32.0
    assert told(0.0, 1.0, 2.0, 32.0).earliest(33.0, 30.0) == 62.0


def test_a_pause_of_two_group_waits_ends_the_row() -> None:
    assert told(0.0, 1.0, 2.0).earliest(62.0, 30.0) == -inf
    assert told(0.0, 1.0, 2.0, 62.0) == Pace(1, 62.0)


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    assert told(1000.0, 1001.0, 1002.0).earliest(10.0, 30.0) == -inf


def test_without_a_group_wait_nothing_is_paced() -> None:
    assert told(0.0, 0.1, 0.2, group_wait=0.0).earliest(0.3, 0.0) == -inf


@given(TIMES, TIMES, st.lists(TIMES, max_size=8), WAITS)
def test_nothing_waits_for_ever(due: float, came_at: float, before: list[float], group_wait: float) -> None:
    now = max([due, came_at, *before])
    at = send_at(due, came_at, told(*sorted(before), group_wait=group_wait), now, group_wait)
    assert due <= at <= max(due + QUIET_MAX, now + group_wait)


@given(st.lists(st.floats(0, 600), min_size=30, max_size=60))
def test_a_channel_tells_no_more_than_a_handful_and_one_each_group_wait(arrivals: list[float]) -> None:
    left, pace, sent = sorted(arrivals), Pace(), list[float]()
    while left:
        now = max([left[0], *sent])
        goes = send_at(left[0], left[0], pace, now, 30.0)
        pace = pace.told(goes, 30.0)
        sent.append(goes)
        left = [at for at in left if at > goes]
    for first in sent:
        assert len([at for at in sent if first <= at < first + 30.0]) <= IN_A_ROW


def notice(kind: NoticeKind, severity: str) -> Delivery:
    return Delivery("a.1", "a", "ops", kind, {"severity": severity}, 100.0, 100.0)


@pytest.mark.parametrize("kind", [kind for kind in NoticeKind if kind is not NoticeKind.TEST])
def test_what_is_critical_is_urgent_but_not_its_end(kind: NoticeKind) -> None:
    assert is_urgent(notice(kind, "critical")) is (kind is not NoticeKind.RESOLVED)
    assert not is_urgent(notice(kind, "warning"))
    assert due_at(notice(kind, "critical"), 30.0) == 100.0
    assert due_at(notice(kind, "warning"), 30.0) == 130.0


@given(st.lists(TIMES, max_size=8), WAITS)
def test_what_is_urgent_never_waits_longer_than_a_few_seconds(before: list[float], group_wait: float) -> None:
    now, wait = max([0.0, *before]), urgent_wait(group_wait)
    pace = told(*sorted(before), group_wait=wait)
    assert send_at(now, now, pace, now, wait) <= now + URGENT_WAIT
