from __future__ import annotations

import pytest

from supervisor.domain.words import count, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (0.04, "0 s"),
        (0.06, "0.1 s"),
        (0.25, "0.2 s"),
        (3, "3 s"),
        (9.97, "10.0 s"),
        (10.4, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (599, "9 min 59 s"),
        (600, "10 min"),
        (659, "10 min"),
        (3599.7, "1 h"),
        (4500, "1 h 15 min"),
        (7200, "2 h"),
        (86400, "1 d"),
        (93600, "1 d 2 h"),
        (8e6, "92 d 14 h"),
    ],
)
def test_a_span_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [(1, "miss", "1 miss"), (2, "miss", "2 misses"), (0, "agent", "0 agents"), (1, "agent", "1 agent")],
)
def test_a_count_in_words(number: int, noun: str, words: str) -> None:
    assert count(number, noun) == words
