"""The same work again and again: a nudge, then a miss."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervisor.domain import health
from supervisor.domain.actions import Cause, OpenIncident, Severity
from supervisor.domain.events import Beat, DeadlineReached
from supervisor.domain.loop import NO_LOOP, Loop, told
from tests.support.playbook import Play, beat, done, play, policy
from tests.support.stage import START


def worker(**changes: Any) -> Play:
    """Begin with an agent of which six heartbeats of one work are a loop; misses follow one another by 15 min."""
    return play(policy(**{"loop_after": 6, **changes}))


def doing(scene: Play, works: str, *, since: int = 0, **keys: Any) -> Play:
    """Beat every minute, each letter a work; a blank tells of none."""
    for minute, work in enumerate(works, since):
        scene.at(f"{minute}m", beat(message=None if work == " " else work, **keys))
    return scene


def test_a_loop_is_told_once_and_is_then_a_miss() -> None:
    scene = doing(worker(), "aaaaa").expect()
    doing(scene, "a" * 15, since=5).expect("5m incident loop").is_("healthy", misses=0)
    doing(scene, "aa", since=20).expect("20m miss 1", "20m restart 1")
    scene.is_("restarting", reason="the same work in 6 heartbeats in a row")


@pytest.mark.parametrize(
    ("works", "text"),
    [
        ("aaaaaa", "the same work in 6 heartbeats in a row"),
        ("ababab", "the same 2 works by turns in 6 heartbeats in a row"),
        ("abcabc", "the same 3 works by turns in 6 heartbeats in a row"),
    ],
)
def test_the_nudge_is_a_warning_that_says_what_turns(works: str, text: str) -> None:
    scene = doing(worker(), works[:-1])
    known = scene.at("5m").health
    known, _ = health.handle(known, _said(works[-1]), START + 300, scene.policy, name="agent")
    _, actions = health.handle(known, DeadlineReached(), START + 300, scene.policy, name="agent")
    assert actions == (OpenIncident(Cause.LOOP, Severity.WARNING, text),)


def _said(work: str) -> Any:
    return health.HeartbeatSeen(beat(message=work).made(START + 300))


@pytest.mark.parametrize("works", ["abcdef", "aaaaab", "abcabd", "aabaab"[:5], "aaa bb", "ababba"])
def test_what_goes_on_is_no_loop(works: str) -> None:
    doing(worker(), works).expect()


def test_four_works_by_turns_are_a_loop_and_five_are_none() -> None:
    doing(worker(loop_after=8), "abcdabcd").expect("7m incident loop")
    doing(worker(loop_after=10), "abcdeabcde").expect()
    doing(worker(loop_after=7), "abcdabc").expect()


def test_it_is_off_by_default() -> None:
    doing(worker(loop_after=None), "a" * 40).expect().is_("healthy", loop=NO_LOOP)


def test_a_note_is_part_of_the_work() -> None:
    scene = worker()
    for minute in range(6):
        scene.at(f"{minute}m", beat(message="a", progress_note=f"page {minute}"))
    scene.expect()
    doing(scene, "aaaaaa", since=6, progress_note="page 1").expect("11m incident loop")


def test_who_tells_of_no_work_is_not_judged() -> None:
    doing(worker(), " " * 30).expect().is_("healthy", loop=NO_LOOP)
    doing(worker(), "aaa   aaa").expect("8m incident loop")


def test_only_work_is_judged() -> None:
    doing(worker(), "a" * 10, phase="idle").expect()
    doing(worker(), "a" * 6, phase="working").expect("5m incident loop")
    scene = doing(worker(), "aaaaa").at("5m", beat(message="a", phase="critical"))
    doing(scene, "aaaaa", since=6).expect()
    doing(doing(worker(), "a" * 6), "a", since=6, phase="idle").expect("5m incident loop", "6m resolved loop")


def test_new_work_ends_it() -> None:
    doing(worker(), "aaaaaaab").expect("5m incident loop", "7m resolved loop").is_("healthy")
    scene = doing(worker(restart=None), "a" * 36).expect(
        "5m incident loop", "20m miss 1", "20m refused no_restarter", "35m miss 2", "35m incident",
        "35m refused no_restarter",
    )  # fmt: skip
    doing(scene, "ab", since=36).expect("37m resolved", "37m resolved loop").is_(
        "healthy", misses=0, reason="it does something new"
    )


def test_so_does_a_planned_stop() -> None:
    doing(worker(), "aaaaaa").at("6m", beat("stop")).expect("5m incident loop", "6m resolved loop")


def test_a_restart_gives_time_and_what_was_told_is_not_told_again() -> None:
    scene = doing(worker(), "ab" * 10).expect("5m incident loop").at("20m").expect("20m miss 1", "20m restart 1")
    doing(scene.at("21m", done(1)), "aba", since=22, life="2").expect().is_("healthy", misses=0)
    doing(scene, "ba", since=25, life="2").expect("25m miss 1", "25m restart 2")


def test_a_new_life_begins_a_row_of_its_own() -> None:
    doing(doing(worker(), "aaaa", life="1"), "aaaaa", since=4, life="2").expect()
    scene = doing(worker(), "aaaa", life="1")
    doing(scene, "aaaaaa", since=4, life="2").expect("9m incident loop")


def test_a_silence_begins_a_new_row_too() -> None:
    scene = doing(worker(restart=None, heartbeat_timeout="5m"), "a" * 8).expect("5m incident loop")
    scene.at("21m").expect("12m miss 1", "12m refused no_restarter")
    doing(scene, "aaaa", since=21).expect().is_("healthy")
    doing(scene, "a", since=25).expect("25m miss 1", "25m refused no_restarter")


def test_the_clock_and_lost_time() -> None:
    scene = doing(worker(), "aaaaaa").expect("5m incident loop").step_clock("-1h").sleep("10m")
    scene.at("29m").expect().at("30m").expect("30m miss 1", "30m restart 1")
    assert doing(worker(), "a").step_clock("1h").health.loop.due is None


def test_new_promises() -> None:
    scene = doing(worker(), "ababab").expect("5m incident loop")
    scene.promise(policy(loop_after=4)).expect()
    assert len(scene.health.loop.works) == 4
    scene.promise(policy(loop_after=40)).expect().promise(policy()).expect("5m resolved loop")
    doing(worker(loop_after=8), "abcdabcd").promise(policy(loop_after=6)).expect("7m incident loop", "7m resolved loop")


@example(["b", "a", "b", "a", "a", "a", "a"], 4)
@given(st.lists(st.sampled_from("aab"), min_size=1, max_size=30), st.integers(4, 8))
def test_a_loop_is_found_exactly_where_there_is_one(works: list[str], limit: int) -> None:
    known = Loop()
    for number, work in enumerate(works):
        known = told(known, Beat(START + number, message=work), limit, new_life=False)
    last = works[-limit:]
    repeats = [p for p in (1, 2, 3, 4) if 2 * p <= limit and last[p:] == last[:-p]]
    assert bool(known.period) is (len(last) == limit and bool(repeats))
