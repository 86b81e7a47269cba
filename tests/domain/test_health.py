"""Heartbeats and silence, rule by rule. What is to be said of restarts stands in `test_mending`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.domain import health
from supervisor.domain.actions import Missed, OpenIncident, ResolveIncident, Severity
from supervisor.domain.attempts import Attempt
from supervisor.domain.events import Beat, CheckAsked, DeadlineReached, HeartbeatSeen, ProcessExited
from supervisor.domain.health import Health, HealthState
from supervisor.domain.policy import Policy
from tests.support.playbook import beat, done, play, quiet, watched
from tests.support.stage import START

# --- deadline and misses -----------------------------------------------------------------------------


def test_a_heartbeat_makes_healthy_and_sets_the_deadline() -> None:
    play().is_("unknown", due="60m").at("5m", beat()).expect().is_(
        "healthy", due="65m", since="5m", misses=0, reason="heartbeat in time"
    )


def test_the_next_heartbeat_moves_the_deadline_and_not_the_state() -> None:
    watched().at("20m", beat()).expect().is_("healthy", due="80m", since="0s")


def test_miss_n_falls_at_the_deadline_and_n_minus_one_intervals() -> None:
    watched().at("2h").expect(
        "60m miss 1", "75m miss 2", "75m incident", "90m miss 3", "105m miss 4", "120m miss 5"
    ).is_("escalated", misses=5, due="135m", since="75m")


def test_a_heartbeat_exactly_on_the_deadline_is_in_time() -> None:
    watched().at("60m", beat()).expect().is_("healthy", due="120m")


def test_a_heartbeat_that_was_sent_in_time_and_is_read_later_counts_from_its_own_time() -> None:
    watched().at("59m", beat(ago="58m")).expect().is_("healthy", due="61m").at("61m").expect("61m miss 1")


def test_a_heartbeat_whose_deadline_is_now_is_fresh_and_the_silence_begins_anew() -> None:
    watched().at("70m").expect("60m miss 1").at("70m", beat(ago="60m")).expect("70m miss 1").is_("unhealthy", due="85m")


def test_a_fresh_heartbeat_ends_the_silence_and_resolves_the_incident() -> None:
    watched().at("80m", beat()).expect("60m miss 1", "75m miss 2", "75m incident", "80m resolved").is_(
        "healthy", misses=0, since="80m", due="140m", incident=False
    )


def test_the_incident_is_critical_and_says_what_is_known() -> None:
    scene = watched().at("74m")
    _, actions = health.handle(scene.health, DeadlineReached(), START + 4500, scene.policy, name="agent")
    assert actions == (
        Missed(2, START + 4500, "no heartbeat for 1 h 15 min"),
        OpenIncident("heartbeat", Severity.CRITICAL, "no heartbeat for 1 h 15 min; 2 misses in a row"),
    )


def test_one_miss_escalates_where_the_policy_says_so() -> None:
    watched(escalate_after=1).at("61m").expect("60m miss 1", "60m incident").is_("escalated")


def test_a_late_wake_up_does_not_bring_two_misses_at_once() -> None:
    scene = watched(escalate_after=9)
    scene.shut().at("10h").open().expect("10h miss 1").is_("unhealthy", misses=1, due="615m")
    scene.at("615m").expect("615m miss 2")


def test_a_wake_up_a_little_late_keeps_the_beat_of_the_misses() -> None:
    scene = watched()
    scene.shut().at("62m").open().expect("62m miss 1").is_("unhealthy", due="75m")


def test_early_and_duplicate_wake_ups_change_nothing() -> None:
    scene = watched().at("59m")
    known = scene.health
    assert scene.at("59m", DeadlineReached(), DeadlineReached()).expect().health is known
    scene.at("60m").expect("60m miss 1")
    known = scene.health
    assert scene.at("60m", DeadlineReached()).expect().health is known


# --- busy_until --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("busy_until", "due"), [("70m", "70m"), ("90m", "90m"), ("91m", "90m"), ("9999d", "90m"), ("5m", "60m")]
)
def test_busy_until_moves_the_deadline_within_bounds(busy_until: str, due: str) -> None:
    play().at("0s", beat(busy_until=busy_until)).is_("healthy", due=due)


def test_the_newest_heartbeat_may_take_its_busy_time_back() -> None:
    play().at("0s", beat(busy_until="90m")).at("5m", beat()).is_("healthy", due="65m")


# --- the gate ----------------------------------------------------------------------------------------


def test_behind_a_closed_gate_no_silence_counts_and_all_counts_once_it_opens() -> None:
    scene = watched().shut().at("61m", DeadlineReached()).expect().is_("healthy", misses=0)
    scene.at("63m").open().expect("63m miss 1")


def test_behind_a_closed_gate_a_heartbeat_counts() -> None:
    watched().shut().at("61m", beat(ago="30m")).at("62m").open().expect().is_("healthy", due="91m")


def test_behind_a_closed_gate_what_the_agent_says_counts() -> None:
    play().at("0s", beat()).shut().at("1m", beat("fail")).expect("1m miss 1", "1m refused gate").is_("unhealthy").at(
        "2m"
    ).open().expect("2m restart 1")


# --- a check that is asked for -----------------------------------------------------------------------


def test_a_check_escalates_an_agent_that_never_beat() -> None:
    play(quiet()).at("1s", CheckAsked()).expect("1s miss 2", "1s incident").is_(
        "escalated", misses=2, reason="no heartbeat was ever seen"
    )


def test_a_second_check_changes_nothing() -> None:
    scene = play(quiet()).at("1s", CheckAsked()).expect("1s miss 2", "1s incident")
    known = scene.health
    assert scene.at("2s", CheckAsked()).expect().health is known


def test_a_check_behind_a_closed_gate_decides_nothing() -> None:
    play(quiet()).shut().at("1s", CheckAsked()).expect().is_("unknown", misses=0)


def test_a_check_judges_what_is_due_and_leaves_the_rest() -> None:
    watched().at("59m", CheckAsked()).expect().is_("healthy")
    watched().shut().at("61m").expect().at("61m").open().expect("61m miss 1")
    scene = watched()
    after, actions = health.handle(scene.health, CheckAsked(), START + 3600, scene.policy, name="agent")
    assert (after.misses, actions) == (1, (Missed(1, START + 3600, "no heartbeat for 1 h"),))


def test_a_check_asks_nothing_of_a_stopped_agent() -> None:
    watched().at("1m", beat("stop")).at("9h", CheckAsked()).expect().is_("stopped")


def test_an_agent_that_never_beats_is_missed_after_its_timeout() -> None:
    play(quiet()).at("61m").expect("60m miss 1").is_("unhealthy", reason="no heartbeat was ever seen")


# --- a process that ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (ProcessExited(None), "the process ended"),
        (ProcessExited(1), "the process ended with exit code 1"),
        (ProcessExited(-9, "ended by SIGKILL"), "the process was ended by signal 9"),
    ],
)
def test_the_end_of_the_process_is_a_miss_at_once(ended: ProcessExited, reason: str) -> None:
    watched().at("10m", ended).expect("10m miss 1").is_("unhealthy", reason=reason, due="25m")


def test_a_process_that_is_gone_is_not_told_as_mere_silence() -> None:
    scene = watched().at("10m", ProcessExited(-9, "ended by SIGKILL")).at("25m")
    scene.is_("escalated", reason="the process was ended by signal 9; no heartbeat for 25 min", due="40m")
    scene.at("26m", beat()).is_("healthy", gone="")


def test_the_end_of_a_stopped_agent_is_planned() -> None:
    watched().at("10m", beat("stop"), ProcessExited(0)).expect().is_("stopped")


# --- the values --------------------------------------------------------------------------------------


def test_nothing_known_wants_no_wake_up() -> None:
    assert Health().deadline is None
    assert Health().restarting is False
    assert Health().state is HealthState.UNKNOWN


def test_the_deadline_is_the_earliest_of_the_kept_times() -> None:
    assert Health(due=3.0, restart_at=2.0, held_until=1.0).deadline == 1.0
    assert Health(due=3.0, restart_at=2.0).deadline == 2.0


def test_the_end_of_a_silence_says_why() -> None:
    escalated = Health(HealthState.ESCALATED, misses=2, incident=True)
    seen = HeartbeatSeen(Beat(START))
    _, actions = health.handle(escalated, seen, START, Policy(), name="agent")
    assert actions == (ResolveIncident("heartbeat", "heartbeat in time"),)


def test_a_heartbeat_closes_the_restart_that_was_for_the_silence() -> None:
    scene = play().at("0s", beat(life="a")).at("60m").at("61m", done(1))
    assert scene.health.attempt is not None
    assert not scene.health.attempt.closed
    scene.at("62m", beat(life="b"))
    assert scene.health.attempt.closed
    started = Attempt(2, START, "started with the supervisor", ended=START + 1)
    well = Health(HealthState.HEALTHY, attempt=started)
    after, _ = health.handle(well, HeartbeatSeen(Beat(START + 2)), START + 2, Policy(), name="agent")
    assert after.attempt == replace(started, closed=True)


def test_a_whole_day_of_an_agent_on_its_rounds() -> None:
    scene = play()
    for number in range(49):
        scene.at(f"{number * 30}m", beat("ok", life="a"))
    scene.expect().is_("healthy", since="0s")


def test_the_story_of_a_hang() -> None:
    play().at("0s", beat(life="a")).at("60m").expect("60m miss 1", "60m restart 1").is_("restarting").at(
        "61m", done(1)
    ).expect().is_("restarting", due="76m").at("76m").expect("76m miss 2", "76m incident", "76m restart 2").is_(
        "escalated"
    ).at("77m", done(2), beat("start", life="b")).expect("77m resolved").is_("healthy", retired=("a",))
