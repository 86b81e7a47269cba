from __future__ import annotations

import pytest

from supervisor.domain import silences
from supervisor.domain.silences import Silence, silenced_until


def silence(matcher: str = "*", starts_at: float = 10.0, ends_at: float = 20.0) -> Silence:
    return Silence("s1", matcher, "ann", "moving house", starts_at, ends_at)


@pytest.mark.parametrize(
    ("matcher", "key", "matches"),
    [
        ("payment-watcher", "payment-watcher:heartbeat", True),
        ("payment-*", "payment-watcher:heartbeat", True),
        ("payment-watcher:heartbeat", "payment-watcher:heartbeat", True),
        ("*:heartbeat", "payment-watcher:heartbeat", True),
        ("*", "books:amount_mismatch", True),
        ("books:*", "books:amount_mismatch", True),
        ("payment", "payment-watcher:heartbeat", False),
        ("Payment-*", "payment-watcher:heartbeat", False),
        ("*:burn", "payment-watcher:heartbeat", False),
    ],
)
def test_matching(matcher: str, key: str, matches: bool) -> None:
    assert silence(matcher).matches(key) is matches


@pytest.mark.parametrize(("now", "until"), [(9.9, None), (10.0, 20.0), (19.9, 20.0), (20.0, None)])
def test_a_silence_lasts_from_its_begin_to_its_end(now: float, until: float | None) -> None:
    assert silenced_until([silence()], "a:heartbeat", now) == until


def test_of_several_silences_the_longest_counts() -> None:
    kept = [silence(ends_at=20.0), silence(ends_at=40.0), silence("other", ends_at=90.0), silence(starts_at=30.0)]
    assert silenced_until(kept, "a:heartbeat", 15.0) == 40.0


def test_no_silence() -> None:
    assert silenced_until([], "a:heartbeat", 15.0) is None


def test_a_step_of_the_clock_moves_both_ends() -> None:
    assert silences.shifted(silence(), 5.0) == silence(starts_at=15.0, ends_at=25.0)
