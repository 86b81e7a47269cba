"""Pages: whatever comes and goes between them, what stays is seen once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.faces.paging import cursor, key_of, page
from supervisor.faces.problems import ProblemError

NUMBERS = st.sets(st.integers(-(2**63) + 1, 2**63 - 1), max_size=30)


@given(NUMBERS, st.lists(NUMBERS, max_size=5), st.lists(NUMBERS, max_size=5), st.integers(1, 7))
def test_what_stays_is_seen_once(stays: set[int], comes: list[set[int]], goes: list[set[int]], limit: int) -> None:
    rows, seen, after = set(stays), [], None
    while True:
        left = sorted(row for row in rows if after is None or row > after)
        shown, following = page(left, limit, lambda row: (row,))
        seen += shown
        if following is None:
            break
        (after,) = key_of(following, int)
        rows |= comes.pop() if comes else set()
        rows -= (goes.pop() if goes else set()) - stays
    assert stays <= set(seen)
    assert seen == sorted(set(seen))


@given(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans()))
def test_a_cursor_gives_its_key_back(key: tuple[Any, ...]) -> None:
    assert key_of(cursor(*key), float, str, bool) == key
    assert cursor(*key).isascii()


@given(st.text() | st.builds(cursor, st.none() | st.integers() | st.text() | st.lists(st.integers())))
def test_anything_else_is_refused_or_of_the_right_kind(text: str) -> None:
    with suppress(ProblemError):
        (number,) = key_of(text, int)
        assert type(number) is int
        assert abs(number) < 2**63


@pytest.mark.parametrize("number", [2**63, -(2**63)])
def test_no_number_is_too_large_for_the_journal(number: int) -> None:
    with pytest.raises(ProblemError):
        key_of(cursor(number), int)
