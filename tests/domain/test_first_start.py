"""The first start of an agent that the supervisor runs."""

from __future__ import annotations

import pytest

from supervisor.domain.events import CheckAsked, Registered, StartAsked
from tests.support.playbook import Play, Said, beat, done, failed, play, policy, restarting

# --- the first start ---------------------------------------------------------------------------------


def test_a_first_start_is_no_restart_and_leaves_the_state() -> None:
    scene = play().at("1m", StartAsked())
    scene.is_("unknown", due=None, reason="started with the supervisor")
    attempt = scene.health.attempt
    assert attempt is not None
    assert (attempt.number, attempt.nth, attempt.name) == (1, 0, "its start")
    scene.at("2m", done(1)).is_("unknown", due="17m", reason="its start done, first heartbeat awaited")
    scene.at("3m", beat()).is_("healthy")
    assert (scene.health.history.total, scene.health.history.starts) == (1, 1)


def test_a_first_start_that_brings_no_heartbeat_is_a_miss_and_the_next_is_restart_1() -> None:
    scene = play().at("1m", StartAsked()).at("2m", done(1)).at("17m")
    assert scene.health.attempt is not None
    assert (scene.health.attempt.number, scene.health.attempt.nth) == (2, 1)
    scene.is_("restarting", misses=1)


def test_nothing_is_started_twice_or_without_a_restarter() -> None:
    scene = play().at("1m", StartAsked())
    known = scene.health
    assert scene.at("2m", StartAsked()).health is known
    play(policy(restart=None)).at("1m", StartAsked()).is_("unknown", due="60m")


# --- an agent that the supervisor runs ---------------------------------------------------------------


def started() -> Play:
    """Begin with an agent that was started with the supervisor."""
    return play().at("0s", StartAsked()).expect("0s start 1").at("1s", done(1))


def test_a_first_start_is_no_restart() -> None:
    scene = started().is_("unknown", due="901s", reason="its start done, first heartbeat awaited")
    scene.at("1m", beat("start", life="b")).expect().is_("healthy", due="61m")
    assert (scene.health.history.total, scene.health.history.starts, scene.health.history.in_a_row) == (1, 1, 0)


def test_a_first_start_that_brings_no_heartbeat_is_a_miss() -> None:
    scene = (
        started()
        .at("16m")
        .expect("901s miss 1", "901s restart 2")
        .is_("restarting", reason="no heartbeat in 15 min since its start")
    )
    attempt = scene.health.attempt
    assert attempt is not None
    assert attempt.name == "restart 1"


def test_a_first_start_that_failed() -> None:
    play().at("0s", StartAsked()).at("1s", failed(1, "no such file")).is_(
        "unknown", errors=1, reason="its start failed: no such file", due="901s"
    )


def test_no_first_start_beside_another_or_without_the_means() -> None:
    restarting().at("61m", StartAsked()).expect()
    play(policy(None)).at("0s", StartAsked()).expect().is_("unknown")


@pytest.mark.parametrize("late", [[], [beat(life="a", ago="2h")]])
def test_yesterdays_heartbeat_is_no_promise_of_the_copy_that_was_just_started(late: list[Said]) -> None:
    yesterday = play().at("0s", beat(life="a")).health
    scene = play(known=yesterday, begin="24h").shut().at("24h", StartAsked()).expect("24h start 1")
    scene.at("1441m", done(1)).open().at("1442m", *late).expect().is_("healthy", due="1456m")
    scene.promise(policy()).expect().is_("healthy", due="1456m")
    scene.at("1443m", beat(life="b")).expect().is_("healthy", due="1503m")


def test_a_check_leaves_an_agent_its_start_period() -> None:
    scene = play().at("0s", StartAsked()).at("1s", CheckAsked()).expect("0s start 1")
    scene.at("2s", done(1), CheckAsked()).expect().is_("unknown", misses=0)


def test_a_registration_during_the_first_start_awaits_its_end() -> None:
    play().at("0s", StartAsked(), Registered()).expect("0s start 1").is_("unknown", due=None)


def test_a_first_start_leaves_a_critical_phase_its_deferral() -> None:
    scene = play().at("0s", beat(life="a")).at("1m", StartAsked()).expect("1m start 1").at("2m", done(1))
    scene.at("3m", beat(life="b", phase="critical")).is_("healthy").at("63m")
    scene.expect("63m miss 1", "63m refused critical_phase")
