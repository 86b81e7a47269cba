"""Registration, and promises that change."""

from __future__ import annotations

from tests.support.playbook import beat, play, policy, quiet, watched


def test_what_an_earlier_life_knew_is_kept() -> None:
    known = watched().at("80m").health
    play(quiet(), known, "81m").is_("escalated", misses=2).at("90m").expect("90m miss 3")


def test_a_promise_that_was_changed_while_the_supervisor_was_away_counts_from_the_start() -> None:
    known = watched().health
    play(quiet(heartbeat_timeout="3h"), known).is_("healthy", due="180m")
    play(quiet(heartbeat_timeout="5m"), known).is_("healthy", due="5m")


def test_a_new_timeout_counts_from_the_last_heartbeat() -> None:
    watched().at("10m").promise(quiet(heartbeat_timeout="20m")).is_("healthy", due="20m").at("21m").expect("20m miss 1")


def test_a_new_timeout_counts_from_the_registration_where_no_heartbeat_came() -> None:
    play().at("10m").promise(policy(heartbeat_timeout="20m")).is_("unknown", due="20m")


def test_a_new_timeout_counts_no_sleep_where_no_heartbeat_came() -> None:
    play().at("10m").sleep("1h").promise(policy(heartbeat_timeout="20m")).expect().is_("unknown", due="80m")


def test_in_a_silence_new_promises_may_only_hasten() -> None:
    scene = watched(escalate_after=9).at("61m").expect("60m miss 1").is_("unhealthy", due="75m")
    scene.promise(quiet(check_interval="2h", start_period="1s")).is_("unhealthy", due="75m")
    scene.promise(quiet(check_interval="5m", start_period="1s")).is_("unhealthy", due="66m")


def test_a_stopped_agent_promises_nothing() -> None:
    watched().at("1m", beat("stop")).promise(quiet(heartbeat_timeout="1s")).is_("stopped", due=None)


def test_the_first_registration_is_when_unknown_began() -> None:
    scene = play()
    scene.is_("unknown", since="0s")
    scene = play(known=scene.health)
    scene.is_("unknown", since="0s", due="60m")
