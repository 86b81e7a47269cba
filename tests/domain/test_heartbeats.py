"""Which heartbeats count, and which are of a life that is over."""

from __future__ import annotations

from supervisor.domain.events import Beat, BeatKind, HeartbeatSeen
from tests.support.playbook import beat, play, quiet, watched
from tests.support.stage import START

# --- which heartbeats count --------------------------------------------------------------------------


def test_the_same_heartbeat_twice_counts_once() -> None:
    said = HeartbeatSeen(Beat(START, fingerprint="f", kind=BeatKind.FAIL))
    play(quiet()).at("0s", said, said).expect("0s miss 1").is_("unhealthy", errors=1)


def test_an_older_heartbeat_is_ignored() -> None:
    watched().at("30m", beat()).at("31m", beat(ago="2m"), beat("fail", ago="3m"), beat("stop", ago="4m")).expect().is_(
        "healthy", due="90m"
    )


def test_a_heartbeat_of_the_same_moment_with_other_words_counts() -> None:
    watched().at("30m", beat()).at("30m", beat("stop")).expect().is_("stopped", due=None)


def test_what_is_only_known_from_the_past_proves_nothing() -> None:
    scene = watched().at("80m").expect("60m miss 1", "75m miss 2", "75m incident")
    scene.at("80m", beat(ago="70m")).expect().is_("escalated", misses=2, due="90m")
    assert scene.health.beat is not None
    assert scene.health.beat.at == START + 600
    scene.at("90m").expect("90m miss 3")


def test_old_files_at_the_start_are_a_silence_and_not_a_heartbeat() -> None:
    play(quiet()).at("0s", beat(ago="3d")).expect("0s miss 1").is_("unhealthy", due="15m")


def test_old_files_at_the_start_wait_for_the_gate() -> None:
    scene = play(quiet()).shut().at("0s", beat(ago="3d")).expect().is_("unknown")
    scene.at("10s", beat(ago="1m")).open().expect().is_("healthy")


def test_a_log_line_is_no_heartbeat() -> None:
    scene = watched()
    known = scene.health
    assert scene.at("50m", beat("log")).expect().health is known


def test_a_failure_is_a_miss_at_once() -> None:
    watched().at("10m", beat("fail", message="disk full")).expect("10m miss 1").is_(
        "unhealthy", due="25m", errors=1, reason="the agent reported a failure"
    )


def test_a_failure_without_words() -> None:
    watched().at("10m", beat("fail")).is_("unhealthy", reason="the agent reported a failure")


def test_a_failure_is_still_told_of_while_nothing_follows() -> None:
    scene = watched().at("10m", beat("fail")).at("25m")
    scene.is_("escalated", reason="the agent reported a failure; no heartbeat for 15 min since")
    scene.at("26m", beat()).is_("healthy", reason="heartbeat in time").at("86m")
    scene.is_("unhealthy", reason="no heartbeat for 1 h")


def test_each_failure_is_a_miss_and_a_heartbeat_ends_them() -> None:
    watched().at("10m", beat("fail")).at("11m", beat("fail")).at("12m", beat()).expect(
        "10m miss 1", "11m miss 2", "11m incident", "12m resolved"
    ).is_("healthy", misses=0, errors=2)


def test_a_planned_stop_awaits_no_heartbeat_until_the_next() -> None:
    scene = watched().at("10m", beat("stop")).expect().is_("stopped", due=None, reason="stopped as planned")
    assert scene.health.deadline is None
    scene.at("48h").expect().at("49h", beat("start")).expect().is_("healthy", due="50h")


def test_a_planned_stop_ends_a_silence() -> None:
    watched().at("80m", beat("stop")).expect("60m miss 1", "75m miss 2", "75m incident", "80m resolved").is_(
        "stopped", misses=0
    )


def test_a_second_stop_changes_nothing_of_the_first() -> None:
    watched().at("10m", beat("stop")).at("20m", beat("stop")).expect().is_("stopped", since="10m")


def test_a_stopped_agent_that_began_and_fell_silent_unseen_is_missed() -> None:
    scene = watched().at("10m", beat("stop")).shut().at("5h", beat(ago="2h")).is_("stopped", due="4h")
    scene.open().expect("5h miss 1").is_("unhealthy")


def test_a_failure_after_a_planned_stop_is_a_miss() -> None:
    watched().at("10m", beat("stop")).at("11m", beat("fail")).expect("11m miss 1").is_("unhealthy", due="26m")


# --- incarnations ------------------------------------------------------------------------------------


def test_a_heartbeat_of_an_older_life_is_ignored() -> None:
    scene = play().at("0s", beat(life="a")).at("10m", beat(life="b")).at("20m", beat(life="a"))
    scene.expect().is_("healthy", due="70m", retired=("a",))


def test_the_living_is_heard_whatever_the_dead_still_say() -> None:
    scene = play().at("0s", beat(life="a")).at("10m", beat(life="b"))
    for minute in range(11, 600, 20):
        scene.at(f"{minute}m", beat(life="a"), beat("fail", life="a"), beat("stop", life="a"))
        scene.at(f"{minute}m", beat(life="b", ago="1s"))
    scene.expect().is_("healthy", retired=("a",))


def test_a_life_without_a_name_retires_nobody() -> None:
    scene = play().at("0s", beat(life="a")).at("1m", beat()).at("2m", beat(life="a"))
    scene.expect().is_("healthy", due="62m", retired=())


def test_only_the_newest_of_the_retired_are_kept() -> None:
    scene = play()
    for number in range(12):
        scene.at(f"{number}m", beat("start", life=str(number)))
    scene.is_("healthy", retired=tuple(str(number) for number in range(3, 11)))
