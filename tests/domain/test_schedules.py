"""Agents that run by a schedule: the first run that can still happen is awaited, whatever was in its way."""

from __future__ import annotations

import pytest

from supervisor.domain import timeline
from supervisor.domain.events import Paused, ProcessExited, Registered, RestartAsked, Resumed
from tests.support.playbook import Play, beat, done, every, law, play, policy
from tests.support.stage import START, seconds

ANN = Paused(None, "ann")


def nightly(grace: str = "15m", **changes: object) -> Play:
    """Begin with an agent that runs each day, a day after its last run; its next is due at 24h."""
    return play(policy(**{"restart": None, "schedule": every("24h", grace), **changes})).at("0s", beat()).expect()


def rebooted(scene: Play, when: str, away: float) -> Play:
    """Go on to `when`, where the machine begins after it was off."""
    scene.now = scene.time(when)
    scene.health = timeline.rebooted(scene.health, away, scene.now, scene.policy)
    return scene.at(when, Registered())


@pytest.mark.parametrize("grace", ["15m", "6h"])
def test_a_run_in_a_pause_is_left_out_however_long_its_grace(grace: str) -> None:
    scene = nightly(grace).at("23h", ANN).at("25h", Resumed("ann"))
    assert scene.health.due == START + 48 * 3600 + seconds(grace)
    scene.at("48h").expect()


def test_a_run_after_a_pause_is_awaited() -> None:
    nightly().at("20h", ANN).at("23h", Resumed("ann")).is_("healthy", due="24h15m")
    nightly().at("20h", ANN).sleep("2h").at("23h", Resumed("ann")).is_("healthy", due="24h15m")


def test_a_run_that_lasts_over_a_pause_is_awaited_to_its_end() -> None:
    scene = nightly(max_runtime="2h").at("24h", beat("start")).at("25h", ANN)
    scene.at("25h", Resumed("ann")).is_("healthy", due="26h")
    scene = nightly(max_runtime="2h").at("24h", beat("start")).at("25h", ANN)
    scene.at("27h", Resumed("ann")).is_("unknown", due="48h15m")


def test_a_restart_before_a_pause_is_answered_by_the_next_run() -> None:
    scene = play(policy(schedule=every("24h"))).at("0s", beat()).at("1h", RestartAsked("ann")).at("61m", done(1), ANN)
    scene.at("25h", Resumed("ann")).is_("unknown", due="48h15m").sleep("1h").is_("unknown", due="48h15m")
    scene.promise(policy(schedule=every("24h"))).is_("unknown", due="48h15m")


def test_a_run_that_the_parent_took_is_left_out() -> None:
    scene = nightly().down("database").at("24h20m").up().is_("unknown", misses=0, due="48h15m")
    scene.sleep("1h").is_("unknown", due="48h15m")
    scene = nightly().down("database").at("24h20m", ProcessExited(1)).up()
    assert (scene.health.misses, scene.health.due) == (1, scene.time("24h35m"))


@pytest.mark.parametrize("grace", ["15m", "1h", "12h"])
def test_a_run_that_fell_into_a_reboot_is_left_out(grace: str) -> None:
    scene = rebooted(nightly(grace).at("23h"), "30h", 7 * 3600.0)
    assert scene.health.due == START + 48 * 3600 + seconds(grace)
    scene.at("48h").expect()


def test_a_reboot_between_two_runs_changes_nothing() -> None:
    rebooted(nightly().at("10h"), "11h", 3600.0).is_("healthy", due="24h15m")


def test_a_run_that_was_missed_before_a_reboot_stays_so() -> None:
    rebooted(nightly().at("24h20m"), "24h25m", 300.0).is_("unhealthy", misses=1, due="24h40m")


def test_who_is_not_awaited_is_not_after_a_reboot() -> None:
    scene = rebooted(nightly().at("1h", ANN), "2h", 3600.0).is_("stopped", due=None)
    scene.at("25h", Resumed("ann")).is_("unknown", due="48h15m")


def often(**changes: object) -> Play:
    """Begin with an agent that runs every ten minutes, and does not flap."""
    return play(policy(**{"restart": None, "schedule": every("10m", "5m"), "flap_high": 1.0, **changes})).at(
        "1s", beat()
    )


@pytest.mark.parametrize("longest", [None, "1h"])
def test_who_fails_in_each_run_is_missed_each_time_until_a_run_ends_well(longest: str | None) -> None:
    scene = often(max_runtime=longest).at("10m", beat("start")).at("11m", beat("fail"))
    scene.at("20m", beat("start")).is_("unhealthy", misses=1, retried=True)
    scene.at("21m", beat("fail")).is_("escalated", misses=2, retried=False).at("30m", beat("start"))
    lines = [line for line in scene.wanted if "refused" not in line[1]]
    assert lines == [(660, "miss 1"), (1260, "miss 2"), (1260, "incident")]
    scene.wanted.clear()
    scene.at("31m", beat()).expect("31m resolved").is_("healthy", misses=0, retried=False)


def test_a_run_that_began_late_is_awaited_to_its_end() -> None:
    scene = nightly(max_runtime="2h").at("24h20m", beat("start")).is_("unhealthy", misses=1, due="26h20m")
    scene.promise(scene.policy).sleep("1h").is_("unhealthy", due="27h20m")
    scene.at("27h20m").is_("escalated", misses=2)
    assert scene.health.reason == "its run has not ended in 3 h"
    nightly().at("24h20m", beat("start")).is_("unhealthy", due="48h15m").sleep("1h").is_("unhealthy", due="48h15m")


def test_the_run_that_a_restart_began_counts_as_every_first_heartbeat() -> None:
    scene = play(policy(schedule=every("24h"))).at("0s", beat()).at("24h16m", done(1)).at("24h17m", beat("start"))
    scene.expect("24h15m miss 1", "24h15m restart 1").is_("healthy", misses=0)


def test_a_run_takes_the_place_of_the_restart_that_would_break_into_it() -> None:
    scene = play(policy(law(backoff="10m"), max_runtime="1h")).at("1m", beat("fail")).at("2m", done(1))
    scene.at("3m", beat("start")).at("4m", beat("fail")).at("5m", beat("start")).at("50m", beat("stop"))
    scene.expect("1m miss 1", "1m restart 1", "4m miss 1", "4m refused backoff").is_("stopped")


def test_a_start_without_an_end_is_a_heartbeat_as_any_other() -> None:
    play(policy(None)).at("0s", beat("start")).at("1m", beat("fail")).at("2m", beat("start")).is_("healthy", misses=0)


def test_a_new_schedule_is_judged_from_now_on() -> None:
    hourly, half = policy(restart=None), policy(restart=None, schedule=every("30m"))
    scene = play(hourly).at("10m", beat()).at("61m").promise(half).is_("healthy", due="105m")
    scene.at("62m").promise(half).is_("healthy", due="105m").at("91m").promise(half).is_("healthy", due="105m")
    late = policy(restart=None, schedule=every("30m", "1h"))
    play(hourly).at("10m", beat()).at("61m").promise(late).is_("healthy", due="150m")


def test_nobody_is_late_at_once_by_a_new_timeout() -> None:
    hourly = policy(restart=None, start_period="15m")
    nightly().at("12h").promise(hourly).is_("healthy", due="12h15m").promise(hourly).is_("healthy", due="12h15m")


def test_a_run_that_is_under_way_is_late_at_once_by_a_shorter_time() -> None:
    scene = nightly(max_runtime="2h").at("24h", beat("start")).at("25h")
    scene.promise(policy(restart=None, schedule=every("24h"), max_runtime="30m")).expect(
        "25h miss 1", "25h refused no_restarter"
    )


def test_what_is_late_already_stays_so() -> None:
    scene = nightly().at("20h").shut().at("25h").promise(policy(restart=None, schedule=every("24h", "30m")))
    scene.is_("healthy", due="24h30m").open().expect("25h miss 1", "25h refused no_restarter")
