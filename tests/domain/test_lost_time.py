"""Time that nobody can be blamed for: the machine slept, or its clock was set."""

from __future__ import annotations

import pytest

from supervisor.domain.events import Beat, HeartbeatSeen
from tests.support.playbook import beat, hold, play, quiet, watched
from tests.support.stage import START


def test_a_sleep_of_the_machine_is_nobodys_silence() -> None:
    watched().at("50m").sleep("8h").expect().is_("healthy", due="540m").at("540m").expect("540m miss 1")


def test_a_heartbeat_from_before_the_sleep_that_is_read_after_it_has_its_time_too() -> None:
    scene = watched().at("50m").sleep("8h").at("531m", beat(ago="482m")).expect()
    scene.is_("healthy", due="589m").at("588m").expect().at("589m").expect("589m miss 1")


def test_a_heartbeat_after_the_sleep_makes_good_for_it() -> None:
    scene = watched().at("50m").sleep("8h").at("531m", beat()).is_("healthy", due="591m", lost=0.0)
    scene.promise(quiet()).is_("healthy", due="591m")


def test_a_reload_after_a_sleep_does_not_take_the_time_back() -> None:
    watched().at("50m").sleep("8h").promise(quiet()).expect().is_("healthy", due="540m")


def test_a_sleep_moves_the_next_miss_too() -> None:
    watched(escalate_after=9).at("61m").sleep("1h").expect("60m miss 1").is_("unhealthy", due="135m")


def test_a_sleep_gives_a_stopped_agent_nothing_to_be_late_for() -> None:
    watched().at("1m", beat("stop")).sleep("9h").expect().is_("stopped", due=None)


@pytest.mark.parametrize("step", ["5h", "-5h", "3s", "-900d"])
def test_a_step_of_the_clock_moves_every_kept_time(step: str) -> None:
    scene = watched(escalate_after=9).at("30m", beat(busy_until="70m")).at("31m", hold("24h")).step_clock(step)
    scene.expect().is_("healthy", due="100m", since="0s", held_until="1471m")
    scene.promise(scene.policy).is_("healthy", due="100m")
    scene.at("99m").expect().at("100m").expect("100m miss 1").at("101m", beat()).expect().is_("healthy", due="161m")


@pytest.mark.parametrize("step", ["5h", "-5h"])
def test_a_step_of_the_clock_makes_no_old_heartbeat_new(step: str) -> None:
    said = HeartbeatSeen(Beat(START, fingerprint="f"))
    scene = play(quiet()).at("0s", said).step_clock(step)
    scene.at("61m", said).expect("60m miss 1").is_("unhealthy")


@pytest.mark.parametrize("step", ["5h", "-5h"])
def test_time_that_was_lost_stays_lost_when_the_clock_is_set(step: str) -> None:
    scene = watched().at("50m").sleep("1h").step_clock(step).at("111m", beat(ago="62m"))
    scene.expect().is_("healthy", due="169m")
