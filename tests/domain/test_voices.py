"""Whose voice it is that is heard around a restart: the old copy's or the new one's."""

from __future__ import annotations

import pytest

from tests.support.playbook import beat, done, play, restarting


@pytest.mark.parametrize("kind", ["ok", "stop", "fail"])
@pytest.mark.parametrize("life", ["a", None])
def test_what_the_old_copy_said_before_the_restart_is_not_the_new_one(kind: str, life: str | None) -> None:
    late = beat(kind, life=life, ago="2m")
    restarting(life).at("61m", late).at("61m", done(1)).at("61m30s", late).expect().is_("restarting", misses=1)


@pytest.mark.parametrize("kind", ["stop", "fail"])
@pytest.mark.parametrize("life", ["a", None])
def test_last_words_during_a_restart_are_the_old_copys(kind: str, life: str | None) -> None:
    restarting(life).at("61m", beat(kind, life=life)).at("62m", done(1)).expect().is_("restarting", due="77m", errors=0)


@pytest.mark.parametrize("kind", ["stop", "fail"])
@pytest.mark.parametrize("life", ["a", None])
def test_last_words_that_are_read_after_the_restart_are_the_old_copys_still(kind: str, life: str | None) -> None:
    scene = restarting(life).at("62m", done(1)).at("62m1s", beat(kind, life=life, ago="30s"))
    scene.expect().is_("restarting", due="77m", errors=0).at("77m").expect(
        "77m miss 2", "77m incident", "77m restart 2"
    )


def test_a_flush_of_the_old_copy_is_known_by_its_name() -> None:
    scene = restarting("a").at("61m", beat(life="a")).at("62m", done(1)).at("62m1s", beat(life="a", ago="30s"))
    scene.expect().is_("restarting", due="77m")


def test_a_heartbeat_of_the_new_life_before_the_restarts_end_counts_at_its_end() -> None:
    scene = restarting("a").at("61m", beat("start", life="b")).is_("restarting", due=None)
    scene.at("62m", done(1)).expect().is_("healthy", misses=0, due="121m", retired=("a",))


def test_where_lives_have_no_names_a_heartbeat_during_the_restart_may_be_the_new_ones() -> None:
    restarting().at("61m", beat()).at("62m", done(1)).expect().is_("healthy", due="121m")


def test_of_several_heartbeats_during_a_restart_the_newest_counts() -> None:
    scene = restarting("a").at("61m", beat(life="b"), beat("fail", life="b", ago="10s"), beat(life="b"))
    scene.at("62m", done(1)).expect().is_("healthy", due="121m")


def test_a_failure_of_the_new_life_during_the_restart_is_the_next_miss() -> None:
    scene = restarting("a").at("61m", beat("fail", life="b")).expect()
    scene.at("62m", done(1)).expect("62m miss 2", "62m incident", "62m refused backoff").is_("escalated", errors=1)
    scene.at("63m").expect("62m10s restart 2")


def test_a_planned_stop_of_the_new_life_during_the_restart() -> None:
    restarting("a").at("61m", beat("stop", life="b")).at("62m", done(1)).expect().is_("stopped", due=None)


def test_a_retired_life_is_not_heard_during_a_restart() -> None:
    scene = play().at("0s", beat(life="a")).at("1m", beat(life="b")).at("61m").expect("61m miss 1", "61m restart 1")
    scene.at("62m", beat(life="a")).at("63m", done(1)).expect().is_("restarting")


def test_the_old_life_may_be_the_one_that_beats_after_the_restarts_end() -> None:
    restarting("a").at("61m", done(1)).at("62m", beat(life="a")).expect().is_("healthy")


def test_a_clock_that_is_set_during_a_restart_takes_no_heartbeat_away() -> None:
    for step in ("2h", "-2h"):
        scene = restarting().at("61m", beat()).step_clock(step).at("62m", done(1))
        scene.expect().is_("healthy", due="121m")


def test_a_reboot_of_the_lost_time_during_a_restart() -> None:
    restarting().at("61m").sleep("1h").at("122m", done(1)).is_("restarting", due="137m")
