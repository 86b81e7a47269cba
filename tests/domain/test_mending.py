"""Restarts of an agent, rule by rule."""

from __future__ import annotations

import pytest

from supervisor.domain import health
from supervisor.domain.actions import Missed, OpenIncident, Refusal, Restart, RestartRefused, Severity
from supervisor.domain.events import Beat, DeadlineReached, ProcessExited, RestartFinished
from tests.support.playbook import ASKED, RELEASED, beat, done, failed, hold, play, policy, restarting
from tests.support.stage import START

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


# --- never two at once -------------------------------------------------------------------------------


def test_while_one_restart_is_under_way_nothing_starts_another() -> None:
    scene = restarting().at("61m", ASKED).expect("61m refused in_progress")
    scene.at("62m", ProcessExited(0), DeadlineReached(), RELEASED, hold("1m"), beat("fail")).at("70m").expect()
    scene.is_("restarting", misses=1, held_until=None)


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


def test_a_reload_keeps_the_promise_of_a_heartbeat_that_came_during_the_restart() -> None:
    restarting().at("61m", beat()).at("62m", done(1)).promise(policy()).expect().is_("healthy", due="121m")
