from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from supervisor.domain import attempts
from supervisor.domain.attempts import Attempt
from supervisor.domain.events import Beat, BeatKind

RUNNING = Attempt(2, 100.0, "silent", 1, incarnation="a")
ENDED = Attempt(2, 100.0, "silent", 1, ended=110.0, ok=True, incarnation="a")
NAMELESS = Attempt(2, 100.0, "silent", 1, ended=110.0)


@pytest.mark.parametrize(
    ("attempt", "at", "life", "kind", "old"),
    [
        (RUNNING, 105, "a", "ok", True),
        (RUNNING, 9999, "a", "ok", True),
        (RUNNING, 99, "b", "ok", False),
        (RUNNING, 105, "b", "stop", False),
        (RUNNING, 99, None, "ok", True),
        (RUNNING, 100, None, "ok", False),
        (RUNNING, 105, None, "stop", True),
        (RUNNING, 105, None, "fail", True),
        (ENDED, 110, "a", "ok", True),
        (ENDED, 111, "a", "ok", False),
        (ENDED, 105, "b", "fail", False),
        (NAMELESS, 105, None, "start", False),
        (NAMELESS, 110, None, "stop", True),
        (NAMELESS, 111, None, "stop", False),
        (NAMELESS, 105, "b", "stop", False),
    ],
)
def test_whose_voice(attempt: Attempt, at: float, life: str | None, kind: str, old: bool) -> None:
    assert attempts.is_old_life(attempt, Beat(at, kind=BeatKind(kind), incarnation=life)) is old


def test_what_is_said_after_the_end_is_never_the_old_copys() -> None:
    for kind, life in product(BeatKind, ("a", "b", None)):
        assert not attempts.is_old_life(ENDED, Beat(110.1, kind=kind, incarnation=life))


def test_the_outcome_in_words() -> None:
    assert ENDED.outcome == "restart 1 was done"
    assert replace(ENDED, ok=False, detail="exit code 1").outcome == "restart 1 failed (exit code 1)"
    assert replace(ENDED, nth=0).outcome == "its start was done"


def test_a_step_of_the_clock_moves_what_was_heard_too() -> None:
    heard = replace(RUNNING, beat=Beat(101.0, busy_until=102.0))
    moved = replace(RUNNING, started=110.0, beat=Beat(111.0, busy_until=112.0))
    assert attempts.shifted(heard, 10.0) == moved
    assert attempts.shifted(ENDED, -10.0) == replace(ENDED, started=90.0, ended=100.0)
