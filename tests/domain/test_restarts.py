from __future__ import annotations

import pytest

from supervisor.domain import restarts
from supervisor.domain.policy import OnExhausted, RestartPolicy, spread
from supervisor.domain.restarts import Exhausted, History, Later, Now
from tests.support.playbook import law
from tests.support.stage import START


def restarted(history: History, at: float, policy: RestartPolicy) -> History:
    """Return the history with a restart that took a second from `at` on."""
    return restarts.ended(restarts.started(history, at, policy), at + 1)


def test_the_first_restart_waits_for_nothing() -> None:
    assert restarts.judge(History(), START, law(), "a") == Now()


@pytest.mark.parametrize(("before", "wait"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (60, 300)])
def test_the_backoff_doubles_up_to_its_longest(before: int, wait: float) -> None:
    history = History(in_a_row=before, ended=START)
    assert restarts.judge(history, START, law(), "a") == Later(START + wait)
    assert restarts.judge(history, START + wait - 0.001, law(), "a") == Later(START + wait)
    assert restarts.judge(history, START + wait, law(), "a") == Now()


def test_jitter_moves_the_wait_by_its_share_at_most_and_always_to_the_same_place() -> None:
    waits = set()
    for number in range(200):
        history = History(in_a_row=1, ended=START, total=number)
        verdict = restarts.judge(history, START, RestartPolicy(jitter=0.2), "a")
        assert verdict == restarts.judge(history, START + 1, RestartPolicy(jitter=0.2), "a")
        assert isinstance(verdict, Later)
        waits.add(verdict.at - START)
    assert 8 <= min(waits) < 9
    assert 11 < max(waits) <= 12


def test_jitter_tells_agents_apart() -> None:
    assert len({spread(f"agent-{number}:1", 0.2) for number in range(100)}) > 90
    assert spread("agent-1:1", 0.0) == 1.0


def test_no_more_restarts_than_the_window_allows() -> None:
    rule = law(window="1h", backoff="0s", slow_interval="30m")
    history = History()
    for minute in (0, 10, 20):
        history = restarted(history, START + minute * 60, rule)
    assert restarts.judge(history, START + 21 * 60, rule, "a") == Exhausted(START + 50 * 60)
    assert restarts.judge(history, START + 50 * 60, rule, "a") == Now()
    assert restarts.judge(history, START + 3600, rule, "a") == Now()


def test_a_restart_leaves_the_window_exactly_at_its_end() -> None:
    rule = law(window="1h", max_restarts=1, backoff="0s", on_exhausted=OnExhausted.HOLD)
    history = restarted(History(), START, rule)
    assert restarts.judge(history, START + 3599.999, rule, "a") == Exhausted(None)
    assert restarts.judge(history, START + 3600, rule, "a") == Now()


def test_calm_ends_the_backoff_and_not_the_count() -> None:
    rule = law(max_restarts=2)
    history = restarts.calmed(restarted(restarted(History(), START, rule), START + 100, rule))
    assert (history.in_a_row, history.total) == (0, 2)
    assert isinstance(restarts.judge(history, START + 200, rule, "a"), Exhausted)


def test_the_history_keeps_no_more_than_its_window() -> None:
    rule = law(window="1h")
    history = History()
    for number in range(1000):
        history = restarted(history, START + number * 1800, rule)
    assert len(history.started) == 2
    assert history.total == 1000


def test_a_restart_that_a_person_asked_for_is_numbered_and_not_counted() -> None:
    assert restarts.uncounted(History((START,), 1, START, 1)) == History((START,), 1, START, 2)


def test_a_first_start_is_numbered_and_is_no_restart() -> None:
    assert restarts.begun(History((START,), 1, START, 1)) == History((START,), 1, START, 2, 1)


def test_a_step_of_the_clock_moves_the_history() -> None:
    assert restarts.shifted(History((1.0, 2.0), 2, 3.0, 2), 10.0) == History((11.0, 12.0), 2, 13.0, 2)
    assert restarts.shifted(History(), 10.0) == History()
