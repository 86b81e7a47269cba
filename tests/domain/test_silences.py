from __future__ import annotations

import pytest

from supervisor.domain import silences
from supervisor.domain.actions import Severity
from supervisor.domain.escalation import Incident
from supervisor.domain.silences import NO_SILENCES, Silence, Silences, coverage


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
        ("mailer payment-*", "payment-watcher:heartbeat", True),
        ("mailer payment", "payment-watcher:heartbeat", False),
    ],
)
def test_matching(matcher: str, key: str, matches: bool) -> None:
    assert silence(matcher).matches(key) is matches


@pytest.mark.parametrize(("now", "silenced"), [(9.9, False), (10.0, True), (19.9, True), (20.0, False)])
def test_a_silence_lasts_from_its_begin_to_its_end(now: float, silenced: bool) -> None:
    assert Silences(now, (silence(),)).over("a:heartbeat") == (silence() if silenced else None)


def test_of_several_silences_the_longest_counts() -> None:
    kept = (silence(ends_at=20.0), silence(ends_at=40.0), silence("other", ends_at=90.0), silence(starts_at=30.0))
    assert Silences(15.0, kept).over("a:heartbeat") == kept[1]


def test_no_silence() -> None:
    assert NO_SILENCES.over("a:heartbeat") is None


def test_a_step_of_the_clock_moves_both_ends_of_what_people_added() -> None:
    assert silences.shifted(silence(), 5.0, 17.0) == silence(starts_at=15.0, ends_at=25.0)
    window = Silence("w", "*", "config", "backup", 10.0, 20.0, "nightly")
    assert silences.shifted(window, 5.0, 17.0) == window


def test_what_is_to_begin_at_a_time_on_the_wall_begins_then() -> None:
    assert silences.shifted(silence(), 5.0, 13.0) == silence()


@pytest.mark.parametrize(
    ("matcher", "agents", "incidents", "scopes", "idle"),
    [
        ("mailer", 1, 0, (), False),
        ("mailer:burn", 1, 0, (), False),
        ("payment-*", 2, 1, (), False),
        ("*", 3, 2, ("books", "fleet", "supervisor"), False),
        ("books:parse", 0, 1, ("books",), False),
        ("books:archive", 0, 0, ("books",), False),
        ("malier", 0, 0, (), True),
    ],
)
def test_what_falls_under_a_silence_is_counted(
    matcher: str, agents: int, incidents: int, scopes: tuple[str, ...], idle: bool
) -> None:
    open_ = [Incident(key, key, Severity.WARNING, "", 0.0) for key in ("payment-watcher:heartbeat", "books:parse")]
    found = coverage(silence(matcher), ["mailer", "payment-watcher", "payment-mailer"], open_, 15.0)
    assert (found.agents, found.incidents, found.scopes, found.idle) == (agents, incidents, scopes, idle)
    assert found.runs
    assert not coverage(silence(matcher), [], [], 9.0).runs
