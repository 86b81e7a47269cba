"""Files that an agent writes at its work: they put a restart off, and nothing else."""

from __future__ import annotations

from typing import Any

from supervisor.domain import health
from supervisor.domain.actions import Refusal, RestartRefused
from supervisor.domain.activity import NONE_SEEN
from supervisor.domain.events import CheckAsked, DeadlineReached, ProcessExited, RestartAsked
from tests.support.playbook import Play, Wrote, beat, done, hold, play, policy
from tests.support.stage import START

LOG = "/cache/activity.log"
WROTE = Wrote(LOG)


def writer(**changes: Any) -> Play:
    """Begin with an agent that is to beat every hour, and writes a log at its work."""
    return play(policy(**{"activity": (LOG, "/cache/other.log"), **changes})).at("0s", beat()).expect()


def test_a_restart_waits_while_it_writes() -> None:
    scene = writer().at("58m", WROTE).at("60m").expect("60m miss 1", "60m refused activity")
    scene.is_("unhealthy", restart_at="63m").at("63m").expect("63m restart 1")


def test_it_waits_on_while_it_goes_on_and_then_no_longer() -> None:
    scene = writer().at("58m", WROTE)
    for minute in range(61, 76, 2):
        scene.at(f"{minute}m", WROTE)
    scene.at("80m").expect(
        "60m miss 1", "60m refused activity", "63m refused activity", "68m refused activity", "72m refused activity",
        "75m miss 2", "75m incident", "75m restart 1",
    )  # fmt: skip


def test_it_says_what_was_written() -> None:
    scene = writer().at("58m", WROTE).at("59m", DeadlineReached())
    _, actions = health.handle(scene.health, DeadlineReached(), START + 3600, scene.policy, name="agent")
    assert actions[-1] == RestartRefused(Refusal.ACTIVITY, START + 63 * 60, f"{LOG} was last written 2 min ago")
    assert NONE_SEEN.words(START) == ""


def test_misses_and_incidents_do_not_wait() -> None:
    scene = writer(activity_limit="1h").at("58m", WROTE).at("62m", WROTE).at("66m", WROTE).at("70m", WROTE)
    scene.at("75m", WROTE, DeadlineReached())
    assert [f"75m {what}" for when, what in scene.wanted if when == 4500][:2] == ["75m miss 2", "75m incident"]
    assert "restart 1" not in [what for _, what in scene.wanted]


def test_a_heartbeat_begins_a_new_count() -> None:
    scene = writer().at("58m", WROTE).at("61m", beat()).is_("healthy", restart_at=None)
    assert scene.health.activity.since is None
    scene.at("119m", WROTE).at("121m").is_("unhealthy", restart_at="124m")


def test_what_was_written_before_the_last_heartbeat_or_long_ago_says_nothing() -> None:
    writer(heartbeat_timeout="3m").at("0s", WROTE).at("3m").expect("3m miss 1", "3m restart 1")
    writer().at("54m", WROTE).at("60m").expect("60m miss 1", "60m restart 1")
    writer().at("60m").expect("60m miss 1", "60m restart 1")
    play(policy()).at("59m", WROTE).at("60m").expect("60m miss 1", "60m restart 1")


def test_a_file_from_the_future_is_one_of_now() -> None:
    scene = writer()
    scene.files[LOG] = START + 1e9
    scene.at("60m").is_("unhealthy", restart_at="65m").at("80m").expect(
        "60m miss 1", "60m refused activity", "65m refused activity", "70m refused activity", "75m miss 2",
        "75m incident", "75m restart 1",
    )  # fmt: skip


def test_who_never_beat_may_work_all_the_same() -> None:
    scene = play(policy(activity=(LOG,))).at("59m", WROTE).at("60m").expect("60m miss 1", "60m refused activity")
    scene = play(policy(activity=(LOG,))).at("9m", WROTE, DeadlineReached()).at("10m", CheckAsked())
    scene.expect("10m miss 2", "10m incident", "10m refused activity")


def test_the_dead_do_not_write() -> None:
    writer().at("1m", WROTE, DeadlineReached(), ProcessExited(1)).expect("1m miss 1", "1m restart 1")


def test_a_person_waits_for_nothing() -> None:
    writer().at("1m", WROTE, DeadlineReached(), RestartAsked("ann")).expect("1m restart 1")


def test_the_count_goes_on_through_a_restart_that_brought_no_heartbeat() -> None:
    scene = writer(start_period="1m").at("58m", WROTE).at("64m", done(1), WROTE)
    scene.expect("60m miss 1", "60m refused activity", "63m restart 1")
    scene.at("65m").expect("65m miss 2", "65m incident", "65m refused activity").at("69m").expect("69m restart 2")


def test_a_hold_comes_first() -> None:
    scene = writer().at("50m", hold("11m")).at("59m", WROTE).at("60m").expect("60m miss 1", "60m refused held")
    scene.at("64m").expect("61m refused activity", "64m restart 1")


def test_a_critical_phase_has_its_own_time_first() -> None:
    scene = writer().at("1m", beat(phase="critical")).at("65m", WROTE)
    scene.at("71m").expect("61m miss 1", "61m refused critical_phase", "66m refused activity", "70m restart 1")


def test_new_promises() -> None:
    scene = writer().at("58m", WROTE).at("60m").expect("60m miss 1", "60m refused activity").promise(policy())
    scene.is_("unhealthy", activity=NONE_SEEN).at("63m").expect("63m restart 1")


def test_the_clock_is_set() -> None:
    scene = writer().at("58m", WROTE).at("60m").step_clock("1h")
    assert scene.health.activity.since == START + 2 * 3600
    scene.at("61m").expect("60m miss 1", "60m refused activity").at("63m").expect("63m restart 1")
