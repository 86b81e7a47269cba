"""Keys that wait for quiet, and not for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.runtime.debounce import Debounce


def test_they_are_due_once_it_is_quiet() -> None:
    waiting: Debounce[str] = Debounce(0.2, 2.0)
    assert waiting.due is None
    waiting.add("a", 10.0)
    assert waiting.due == 10.2
    waiting.add("b", 10.1)
    assert waiting.due == 10.1 + 0.2
    assert waiting.take() == {"a", "b"}
    assert waiting.due is None
    assert waiting.take() == set()


def test_a_steady_stream_is_due_all_the_same() -> None:
    waiting: Debounce[str] = Debounce(0.2, 2.0)
    for tenth in range(50):
        waiting.add("a", 10.0 + tenth / 10)
    assert waiting.due == 12.0
    waiting.take()
    waiting.add("a", 15.0)
    assert waiting.due == 15.2


def test_a_step_of_the_clock_moves_the_wait() -> None:
    waiting: Debounce[str] = Debounce(0.2, 2.0)
    waiting.add("a", 10.0)
    waiting.shift(-5.0)
    assert waiting.due == 5.2


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), min_size=1))
def test_no_key_waits_longer_than_the_longest_wait(coming: list[tuple[int, float]]) -> None:
    waiting: Debounce[int] = Debounce(0.2, 2.0)
    now, since, seen = 0.0, 0.0, set[int]()
    for key, gap in coming:
        now += gap
        if waiting.due is not None and waiting.due <= now:
            assert waiting.take() == seen
            seen = set()
        if not seen:
            since = now
        waiting.add(key, now)
        seen.add(key)
        assert waiting.due is not None
        assert waiting.due <= since + 2.0
