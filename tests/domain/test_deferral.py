"""What keeps a restart back for a while: a critical phase, a hold, the closed gate."""

from __future__ import annotations

import pytest

from supervisor.domain.events import DeadlineReached, ProcessExited
from tests.support.playbook import ASKED, RELEASED, Play, beat, done, hold, play, policy, restarting

# --- a critical phase --------------------------------------------------------------------------------


def critical() -> Play:
    """Begin with an agent that fell silent in a critical phase: its restart waits since minute 60."""
    scene = play().at("0s", beat(phase="critical")).at("60m")
    return scene.expect("60m miss 1", "60m refused critical_phase").is_("unhealthy", restart_at="65m")


def test_a_critical_phase_defers_the_restart_by_five_minutes_and_no_more() -> None:
    critical().at("65m").expect("65m restart 1").at("66m", done(1)).at("81m").expect(
        "81m miss 2", "81m incident", "81m restart 2"
    )


def test_further_misses_neither_end_nor_lengthen_the_deferral() -> None:
    scene = play(policy(check_interval="1m", escalate_after=99)).at("0s", beat(phase="critical")).at("66m")
    scene.expect(
        "60m miss 1",
        "60m refused critical_phase",
        "61m miss 2",
        "62m miss 3",
        "63m miss 4",
        "64m miss 5",
        "65m miss 6",
        "65m restart 1",
    )


def test_neither_hold_nor_release_nor_gate_ends_the_deferral() -> None:
    critical().at("61m", hold("2m"), RELEASED).is_("unhealthy", restart_at="65m").shut().at("62m").open().at(
        "62m", hold("1m")
    ).at("65m").expect("65m restart 1")


def test_a_deferral_of_nothing() -> None:
    play(policy(critical_limit="0s")).at("0s", beat(phase="critical")).at("60m").expect(
        "60m miss 1", "60m refused critical_phase", "60m restart 1"
    )


def test_a_dead_process_is_in_no_critical_phase() -> None:
    play().at("0s", beat(phase="critical")).at("1m", ProcessExited(1)).expect("1m miss 1", "1m restart 1")
    critical().at("61m", ProcessExited(1)).expect("61m miss 2", "61m incident", "61m restart 1")


def test_the_phase_of_a_copy_that_is_gone_defers_nothing() -> None:
    scene = play().at("0s", beat(phase="critical")).at("1m", ASKED).at("2m", done(1)).expect("1m restart 1")
    scene.at("17m").expect("17m miss 1", "17m restart 2")


def test_a_fresh_heartbeat_makes_room_for_a_new_deferral() -> None:
    critical().at("61m", beat(phase="critical")).expect().at("121m").expect(
        "121m miss 1", "121m refused critical_phase"
    )


# --- holds -------------------------------------------------------------------------------------------


def test_a_hold_keeps_the_restart_back_until_it_runs_out() -> None:
    scene = play().at("0s", beat()).at("50m", hold("30m")).is_("healthy", held_until="80m").at("79m")
    scene.expect("60m miss 1", "60m refused held", "75m miss 2", "75m incident").is_("escalated", restart_at="80m")
    scene.at("80m").expect("80m restart 1").is_("escalated", held_until=None, reason="no heartbeat for 1 h 15 min")


def test_a_hold_that_was_released_lets_the_restart_go_at_once() -> None:
    scene = play().at("0s", beat()).at("50m", hold("30m")).at("61m", RELEASED)
    scene.expect("60m miss 1", "60m refused held", "61m restart 1").is_("restarting", held_until=None)


def test_a_release_without_anything_to_release() -> None:
    play().at("0s", beat()).at("1m", RELEASED).expect().is_("healthy", held_until=None)


def test_a_hold_of_a_healthy_agent_runs_out_without_a_word() -> None:
    play().at("0s", beat()).at("1m", hold("5m")).at("7m").expect().is_(
        "healthy", held_until=None, reason="heartbeat in time"
    )


def test_a_hold_runs_out_behind_a_closed_gate() -> None:
    scene = play().at("0s", beat()).at("50m", hold("30m")).at("61m").expect("60m miss 1", "60m refused held").shut()
    scene.at("81m", DeadlineReached()).expect().is_("unhealthy", held_until=None).open().expect(
        "81m miss 2", "81m incident", "81m restart 1"
    )


@pytest.mark.parametrize(("length", "end"), [("10m", "71m"), ("60m", "121m")])
def test_a_waiting_restart_goes_with_the_newest_hold(length: str, end: str) -> None:
    scene = (
        play(policy(check_interval="9h", start_period="9h"))
        .at("0s", beat())
        .at("50m", hold("30m"))
        .at("61m", hold(length))
    )
    scene.expect("60m miss 1", "60m refused held").at("3h").expect(f"{end} restart 1")


def test_a_hold_that_ran_out_unnoticed_holds_nothing() -> None:
    play().at("0s", beat()).at("1m", hold("1m")).shut().at("3m", beat("fail")).expect("3m miss 1", "3m refused gate")


def test_a_hold_stops_a_restart_that_waited_for_the_backoff() -> None:
    scene = restarting(start_period="1s").at("61m", done(1)).at("61m2s", hold("1h")).at("61m11s")
    scene.expect("61m1s miss 2", "61m1s incident", "61m1s refused backoff", "61m10s refused held")
    scene.is_("escalated", restart_at="121m2s")


# --- the gate ----------------------------------------------------------------------------------------


def test_behind_a_closed_gate_no_restart_starts_and_it_starts_once_it_opens() -> None:
    scene = restarting(start_period="1s").at("61m", done(1)).at("61m5s")
    scene.expect("61m1s miss 2", "61m1s incident", "61m1s refused backoff")
    scene.shut().at("62m", DeadlineReached()).expect().at("63m").open().expect("63m restart 2")


def test_a_release_behind_a_closed_gate_waits_for_it() -> None:
    scene = play().at("0s", beat()).at("50m", hold("30m")).at("61m").shut().at("62m", RELEASED)
    scene.expect("60m miss 1", "60m refused held", "62m refused gate").at("63m").open().expect("63m restart 1")
