"""Restarts of an agent, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.domain import health
from supervisor.domain.actions import Missed, OpenIncident, Refusal, Restart, RestartRefused, Severity
from supervisor.domain.events import (
    Beat,
    CheckAsked,
    DeadlineReached,
    ProcessExited,
    Registered,
    Released,
    RestartAsked,
    RestartFinished,
    StartAsked,
)
from supervisor.domain.policy import OnExhausted
from tests.support.playbook import START, Play, Said, beat, done, failed, hold, law, play, policy

ASKED = RestartAsked("ann")
RELEASED = Released("ann")


def restarting(life: str | None = None, **changes: Any) -> Play:
    """Begin with an agent that beat once, was silent, and is restarted since minute 60."""
    scene = play(policy(**changes)).at("0s", beat(life=life)).at("60m")
    return scene.expect("60m miss 1", "60m restart 1").is_("restarting", misses=1, due=None)


# --- the first misses --------------------------------------------------------------------------------


def test_the_first_miss_restarts_and_says_why() -> None:
    scene = play().at("0s", beat())
    after, actions = health.handle(scene.health, DeadlineReached(), START + 3600, scene.policy, name="agent")
    assert actions == (Missed(1, START + 3600, "no heartbeat for 1 h"), Restart(1, "no heartbeat for 1 h"))
    assert after.attempt is not None
    assert (after.attempt.number, after.attempt.started, after.attempt.ended) == (1, START + 3600, None)


def test_a_restart_is_called_for_by_as_many_misses_as_the_policy_says() -> None:
    play(policy(restart_after=3)).at("0s", beat()).at("90m").expect(
        "60m miss 1", "75m miss 2", "75m incident", "90m miss 3", "90m restart 1"
    ).is_("escalated")


def test_where_nothing_can_restart_the_agent_it_is_unhealthy() -> None:
    play(policy(None)).at("0s", beat()).at("60m").expect("60m miss 1", "60m refused no_restarter").is_("unhealthy")


def test_a_restart_under_way_knows_no_deadline() -> None:
    assert restarting().at("9h").expect().health.deadline is None


def test_the_next_miss_falls_a_start_period_after_the_restarts_end() -> None:
    restarting(start_period="20m").at("63m", done(1)).is_("restarting", due="83m", misses=1).at("83m").expect(
        "83m miss 2", "83m incident", "83m restart 2"
    ).is_("escalated", since="83m")


def test_restarts_go_on_after_the_escalation_and_leave_the_state() -> None:
    scene = restarting().at("61m", done(1)).at("76m").expect("76m miss 2", "76m incident", "76m restart 2")
    scene.at("77m", done(2)).is_("escalated").at("92m").expect("92m miss 3", "92m restart 3").is_("escalated")


def test_the_incident_tells_of_the_restart_that_did_not_help() -> None:
    scene = restarting().at("61m", failed(1, "no such file"))
    _, actions = health.handle(scene.health, DeadlineReached(), START + 76 * 60, scene.policy, name="agent")
    text = "no heartbeat in 15 min since restart 1; 2 misses in a row; restart 1 failed (no such file)"
    assert actions[1] == OpenIncident("heartbeat", Severity.CRITICAL, text)


def test_an_incident_does_not_tell_of_restarts_of_another_day() -> None:
    scene = restarting().at("61m", done(1), beat()).at("62m", hold("9h")).at("121m").is_("unhealthy")
    _, actions = health.handle(scene.health, DeadlineReached(), START + 136 * 60, scene.policy, name="agent")
    text = "no heartbeat for 1 h 15 min; 2 misses in a row"
    assert actions[1] == OpenIncident("heartbeat", Severity.CRITICAL, text)


# --- the end of a restart ----------------------------------------------------------------------------


def test_the_outcome_is_kept() -> None:
    event = RestartFinished(1, ok=False, detail="exit code 3", exit_code=3, stderr=("a", "b"))
    attempt = (
        restarting().at("61m", event).is_("restarting", errors=1, reason="restart 1 failed: exit code 3").health.attempt
    )
    assert attempt is not None
    assert (attempt.ended, attempt.ok, attempt.detail) == (START + 3660, False, "exit code 3")
    assert (attempt.exit_code, attempt.stderr) == (3, ("a", "b"))


def test_a_good_end_awaits_the_first_heartbeat() -> None:
    restarting().at("61m", done(1)).is_("restarting", errors=0, reason="restart 1 done, first heartbeat awaited")


def test_an_end_that_is_told_twice_or_of_another_restart_changes_nothing() -> None:
    scene = restarting().at("61m", done(2), done(0)).is_("restarting", due=None)
    known = scene.at("62m", done(1)).health
    assert scene.at("63m", done(1), failed(1)).expect().health is known
    never = play().at("1m", done(1))
    never.is_("unknown", due="60m")


def test_the_first_fresh_heartbeat_is_the_success() -> None:
    restarting().at("61m", done(1)).at("62m", beat()).expect().is_("healthy", misses=0, due="122m")


def test_a_failed_restart_whose_old_process_beats_on() -> None:
    restarting("a").at("61m", failed(1)).at("62m", beat(life="a")).expect().is_("healthy", misses=0, retired=())


# --- whose voice it is -------------------------------------------------------------------------------


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


# --- never two at once -------------------------------------------------------------------------------


def test_while_one_restart_is_under_way_nothing_starts_another() -> None:
    scene = restarting().at("61m", ASKED).expect("61m refused in_progress")
    scene.at("62m", ProcessExited(0), DeadlineReached(), RELEASED, hold("1m"), beat("fail")).at("70m").expect()
    scene.is_("restarting", misses=1, held_until=None)


# --- backoff and intensity ---------------------------------------------------------------------------


def test_the_backoff_counts_from_the_restarts_end_and_doubles() -> None:
    scene = restarting(start_period="1s", escalate_after=99, restart=law(max_restarts=9))
    scene.at("61m", done(1)).at("62m", done(2)).at("63m", done(3)).at("64m").expect(
        "61m1s miss 2",
        "61m1s refused backoff",
        "61m10s restart 2",
        "62m1s miss 3",
        "62m1s refused backoff",
        "62m20s restart 3",
        "63m1s miss 4",
        "63m1s refused backoff",
        "63m40s restart 4",
    )


def test_a_restart_that_waits_is_named_once() -> None:
    scene = restarting(start_period="1s", check_interval="2s", escalate_after=99)
    scene.at("61m", done(1)).at("62m").expect(
        "61m1s miss 2",
        "61m1s refused backoff",
        "61m3s miss 3",
        "61m5s miss 4",
        "61m7s miss 5",
        "61m9s miss 6",
        "61m10s restart 2",
    )


def test_a_heartbeat_takes_the_waiting_restart_back() -> None:
    scene = restarting(start_period="1s").at("61m", done(1)).at("61m2s", beat()).is_("healthy", restart_at=None)
    scene.expect("61m1s miss 2", "61m1s incident", "61m1s refused backoff", "61m2s resolved").at("62m").expect()


def test_a_spent_intensity_leaves_one_slow_try_every_half_hour() -> None:
    scene = restarting().at("61m", done(1)).at("77m", done(2)).at("93m", done(3)).at("123m", done(4)).at("3h")
    scene.expect(
        "76m miss 2",
        "76m incident",
        "76m restart 2",
        "92m miss 3",
        "92m restart 3",
        "108m miss 4",
        "108m refused exhausted",
        "122m restart 4",
        "138m miss 5",
        "138m refused exhausted",
        "152m restart 5",
    ).is_("escalated", exhausted=True)


def test_a_spent_intensity_on_hold_ends_the_restarts_until_a_heartbeat() -> None:
    once = law(max_restarts=1, on_exhausted=OnExhausted.HOLD, window="1h")
    scene = (
        restarting(restart=once, check_interval="2h")
        .at("61m", done(1))
        .at("8h")
        .expect(
            "76m miss 2",
            "76m incident",
            "76m refused exhausted",
            "196m miss 3",
            "196m refused exhausted",
            "316m miss 4",
            "316m refused exhausted",
            "436m miss 5",
            "436m refused exhausted",
        )
    )
    scene.is_("escalated", exhausted=True, restart_at=None).at("9h", beat()).expect("9h resolved")
    scene.is_("healthy", exhausted=False).at("10h").expect("10h miss 1", "10h restart 2")


def test_a_person_may_restart_what_is_on_hold() -> None:
    once = law(max_restarts=1, on_exhausted=OnExhausted.HOLD)
    scene = restarting(restart=once).at("61m", done(1)).at("77m", ASKED)
    scene.expect("76m miss 2", "76m incident", "76m refused exhausted", "77m restart 2")


def test_after_a_long_healthy_time_the_backoff_begins_anew() -> None:
    scene = restarting().at("61m", done(1), beat())
    scene.at("120m", beat())
    assert scene.health.history.in_a_row == 1
    scene.at("179m", beat()).at("181m", beat())
    assert scene.health.history.in_a_row == 0
    scene.at("182m", beat("fail")).expect("182m miss 1", "182m restart 2")


def test_without_a_restarter_there_is_no_backoff_to_calm() -> None:
    scene = restarting().at("61m", done(1), beat()).promise(policy(None)).at("120m", beat()).at("179m", beat())
    scene.at("190m", beat())
    assert scene.health.history.in_a_row == 1


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


# --- a person asks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ok", "stop", "fail"])
def test_a_person_may_restart_at_any_time(kind: str) -> None:
    scene = play(policy(restart_after=9)).at("0s", beat(kind)).at("1m", hold("9h")).shut()
    scene.wanted.clear()
    scene.at("2m", ASKED).expect("2m restart 1").is_("restarting", reason="asked for by ann", due=None)


def test_a_persons_restart_is_counted_by_no_law_but_numbered() -> None:
    scene = play().at("0s", beat())
    for number in range(1, 9):
        scene.at(f"{number}m", ASKED, done(number), beat()).expect(f"{number}m restart {number}")
    assert scene.health.history.started == ()
    assert (scene.health.history.total, scene.health.history.in_a_row) == (8, 0)
    scene.at("68m").expect("68m miss 1", "68m restart 9")


def test_a_persons_restart_that_brings_no_heartbeat_is_a_miss() -> None:
    scene = play().at("0s", beat()).at("1m", ASKED).at("2m", done(1)).is_("restarting", misses=0, due="17m")
    scene.expect("1m restart 1").at("17m").expect("17m miss 1", "17m restart 2")


def test_a_persons_restart_of_an_escalated_agent_leaves_it_escalated() -> None:
    scene = play(policy(restart_after=9)).at("0s", beat()).at("76m", ASKED)
    scene.expect("60m miss 1", "75m miss 2", "75m incident", "76m restart 1").is_("escalated")


def test_nobody_restarts_what_can_not_be_restarted() -> None:
    scene = play(policy(None)).at("0s", beat())
    known = scene.health
    scene.at("1m", ASKED).expect("1m refused no_restarter")
    assert scene.health is known


# --- new promises ------------------------------------------------------------------------------------


def test_a_restart_nobody_carries_out_any_more_has_failed() -> None:
    scene = restarting().promise(policy(None)).expect()
    scene.is_("restarting", due="75m", errors=1, reason="restart 1 failed: nothing restarts this agent any more")
    scene.at("75m", done(1)).expect("75m miss 2", "75m incident", "75m refused no_restarter")


def test_a_restart_that_waits_ends_with_the_means_to_restart() -> None:
    scene = play().at("0s", beat()).at("50m", hold("11m")).at("60m").expect("60m miss 1", "60m refused held")
    scene.promise(policy(None)).at("62m").expect("61m refused no_restarter").is_("unhealthy", restart_at=None)


def test_a_restart_under_way_survives_new_promises() -> None:
    restarting().promise(policy(start_period="1m")).is_("restarting", due=None).at("61m", done(1)).is_(
        "restarting", due="62m"
    )


def test_a_restart_keeps_its_start_period_over_a_reload() -> None:
    patient = policy(start_period="40m")
    scene = play(patient).at("1m", ASKED).at("2m", done(1)).is_("restarting", due="42m").promise(patient)
    scene.expect("1m restart 1").is_("restarting", due="42m")


def test_a_refusal_says_until_when() -> None:
    scene = play().at("0s", beat()).at("50m", hold("30m"))
    _, actions = health.handle(scene.health, DeadlineReached(), START + 3600, scene.policy, name="agent")
    assert actions[1] == RestartRefused(Refusal.HELD, START + 4800)
    assert Beat(1.0).shifted(2.0) == Beat(3.0)


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


def test_a_reload_keeps_the_promise_of_a_heartbeat_that_came_during_the_restart() -> None:
    restarting().at("61m", beat()).at("62m", done(1)).promise(policy()).expect().is_("healthy", due="121m")
