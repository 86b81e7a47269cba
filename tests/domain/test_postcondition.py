"""Files that an agent's work is to bring about: told of first, then a miss."""

from __future__ import annotations

from dataclasses import replace

from supervisor.domain import health, timeline
from supervisor.domain.actions import Cause, OpenIncident, Severity
from supervisor.domain.events import DeadlineReached, FilesSeen, Paused, RestartAsked, Resumed
from supervisor.domain.policy import Expectation
from supervisor.domain.postcondition import NOTHING_EXPECTED, looked, promised
from tests.support.playbook import Play, Wrote, beat, done, failed, play, policy
from tests.support.stage import START

REPORT, MAIL = Expectation("/out/report.csv", 7200.0), Expectation("/out/*.eml", 3600.0)
WROTE = Wrote("/out/report.csv")


def maker(*expects: Expectation, **changes: object) -> Play:
    """Begin with an agent that is to write its report every two hours; misses follow one another by 15 min."""
    return play(policy(**{"expects": expects or (REPORT,), **changes})).at("0s", beat()).expect()


def lively(scene: Play, until: int, *, since: int = 0) -> Play:
    """Beat every five minutes."""
    for minute in range(since + 5, until + 1, 5):
        scene.at(f"{minute}m", beat())
    return scene


def test_what_does_not_appear_is_told_once_and_is_then_a_miss() -> None:
    scene = lively(maker(), 120).expect("2h incident postcondition").is_("healthy", misses=0)
    lively(scene, 135, since=120).expect("135m miss 1", "135m restart 1")
    scene.is_(
        "restarting", reason="/out/report.csv is not there, awaited since 2026-05-28 20:26:40 UTC, promised within 2 h"
    )


def test_the_nudge_is_a_warning_that_says_what_is_missing() -> None:
    scene = lively(maker(), 115)
    _, actions = health.handle(scene.health, DeadlineReached(), START + 7200, scene.policy, name="agent")
    text = "/out/report.csv is not there, awaited since 2026-05-28 20:26:40 UTC, promised within 2 h"
    assert actions == (OpenIncident(Cause.POSTCONDITION, Severity.WARNING, text),)


def test_everything_that_is_missing_is_named() -> None:
    known = promised(NOTHING_EXPECTED, (REPORT, MAIL), START)
    known = looked(known, {REPORT.path: START + 60}, START + 60, 900.0)
    assert (
        known.words(START + 3600)
        == "/out/*.eml is not there, awaited since 2026-05-28 20:26:40 UTC, promised within 1 h"
    )
    assert known.words(START + 7260) == (
        "/out/report.csv was last written 2026-05-28 20:27:40 UTC, promised within 2 h; "
        "/out/*.eml is not there, awaited since 2026-05-28 20:26:40 UTC, promised within 1 h"
    )


def test_what_is_written_in_time_is_asked_for_again_in_time() -> None:
    scene = (
        lively(lively(maker(), 90).at("90m", WROTE), 205, since=90)
        .expect()
        .at("210m")
        .expect("210m incident postcondition")
    )
    scene.at("211m", WROTE, beat()).expect("211m resolved postcondition").is_("healthy")
    lively(scene, 330, since=210).expect().at("331m").expect("331m incident postcondition")


def test_what_is_there_already_is_judged_by_its_age() -> None:
    scene = play(policy(expects=(REPORT,)))
    scene.files[REPORT.path] = START - 7300
    scene.at("0s", beat()).expect("0s incident postcondition")


def test_a_file_from_the_future_is_one_of_now() -> None:
    scene = play(policy(expects=(REPORT,)))
    scene.files[REPORT.path] = START + 1e9
    lively(scene.at("0s", beat()), 115).expect().at("2h").expect()
    assert scene.health.postcondition.due == START + 4 * 3600


def test_the_file_ends_the_miss_without_another_heartbeat_and_no_heartbeat_does() -> None:
    scene = lively(maker(restart=None), 150).expect(
        "2h incident postcondition", "135m miss 1", "135m refused no_restarter", "150m miss 2", "150m incident",
        "150m refused no_restarter",
    )  # fmt: skip
    scene.is_(
        "escalated", reason="/out/report.csv is not there, awaited since 2026-05-28 20:26:40 UTC, promised within 2 h"
    )
    lively(scene, 160, since=150).is_("escalated", misses=2).at("161m", WROTE).expect()
    scene.at("165m").expect("165m resolved", "165m resolved postcondition").is_(
        "healthy", misses=0, due="220m", reason="what it is to make is there, or awaited no more"
    )


def test_a_restart_gives_the_work_its_time_again_and_what_was_told_is_not_told_again() -> None:
    scene = lively(maker(), 135).expect("2h incident postcondition", "135m miss 1", "135m restart 1")
    scene.at("136m", done(1)).at("137m", beat()).is_("healthy", misses=0)
    lively(scene, 255, since=135).expect().at("256m").expect("256m miss 1", "256m restart 2")
    lively(scene.at("257m", done(2)), 300, since=255).expect()
    scene.at("301m", WROTE, beat()).expect("301m resolved postcondition").is_("healthy", misses=0)
    lively(scene, 415, since=300).expect().at("421m").expect("421m incident postcondition")


def test_one_of_two_that_a_restart_brings_about_leaves_the_other_open() -> None:
    scene = lively(maker(REPORT, replace(MAIL, newer_than=7200.0)), 135)
    lively(scene.at("136m", done(1)), 140, since=135).at("141m", WROTE, beat())
    scene.expect("2h incident postcondition", "135m miss 1", "135m restart 1").is_("healthy")
    scene.at("142m", Wrote(MAIL.path), beat()).expect("142m resolved postcondition")


def test_a_restart_that_failed_or_was_for_something_else_gives_no_time() -> None:
    scene = lively(maker(), 135).at("136m", failed(1))
    scene.expect("2h incident postcondition", "135m miss 1", "135m restart 1").at("151m")
    scene.expect("151m miss 2", "151m incident", "151m restart 2")
    scene = lively(maker(), 100).at("101m", RestartAsked("ann")).at("102m", done(1)).expect("101m restart 1")
    lively(scene, 120, since=100).expect("2h incident postcondition")


def test_a_pause_and_a_planned_stop_are_no_time_to_work() -> None:
    for begin, end in ((Paused(None, "ann"), Resumed("ann")), (beat("stop"), beat("start"))):
        scene = lively(maker().at("0s", WROTE, DeadlineReached()), 60).at("1h", begin).sleep("1h").at("61h", end)
        lively(scene, 61 * 60 + 55, since=61 * 60).expect().at("62h").expect("62h incident postcondition")


def test_after_a_pause_there_is_a_start_period_at_the_least() -> None:
    scene = lively(maker(), 120).expect("2h incident postcondition").at("2h", Paused(None, "ann"))
    scene.expect("2h resolved postcondition").at("9h", FilesSeen({REPORT.path: None})).at("10h", Resumed("ann"))
    lively(scene, 610, since=595).expect().at("615m").expect("615m incident postcondition")


def test_a_reboot_gives_back_the_time_that_the_machine_was_off() -> None:
    known = lively(maker(), 60).health
    after = timeline.rebooted(known, 3600.0, START + 7200, policy(expects=(REPORT,))).postcondition
    assert (after.due, after.ends(after.outcomes[0])) == (START + 10800, START + 10800)


def test_one_that_is_written_takes_no_time_from_the_others() -> None:
    scene = maker(REPORT, replace(MAIL, newer_than=7200.0)).at("10m").sleep("1h").at("71m", WROTE, beat())
    lively(scene, 175, since=70).expect().at("180m").expect("180m incident postcondition")


def test_a_file_alone_is_no_sign_of_life() -> None:
    scene = lively(maker(), 130).at("135m").expect("2h incident postcondition", "135m miss 1", "135m restart 1")
    scene.at("136m", done(1), WROTE).at("151m").is_("escalated", reason="no heartbeat in 15 min since restart 1")
    scene.expect("151m resolved postcondition", "151m miss 2", "151m incident", "151m restart 2")
    scene = lively(maker(restart=None), 135).at("140m", beat("fail"), WROTE)
    scene.at("155m").is_("escalated", reason="the agent reported a failure; no heartbeat for 15 min since")
    scene = lively(maker(restart=None), 135).at("140m", WROTE, DeadlineReached()).is_("healthy", due="195m")
    scene = lively(maker(restart=None, heartbeat_timeout="12m"), 135).at("148m", WROTE, DeadlineReached())
    assert scene.is_("unhealthy", misses=1).health.postcondition.nudged is False


def test_silence_is_told_as_silence() -> None:
    scene = maker(restart=None).at("125m").is_("escalated")
    assert scene.health.causes == {Cause.HEARTBEAT}
    scene.at("126m", beat()).at("126m").is_("healthy")
    assert scene.health.causes == {Cause.POSTCONDITION}


def test_a_silence_after_the_nudge_puts_the_miss_off() -> None:
    scene = lively(maker(restart=None, heartbeat_timeout="10m"), 120).at("132m").at("136m", beat())
    scene.expect(
        "2h incident postcondition", "130m miss 1", "130m refused no_restarter"
    ).is_("healthy")  # fmt: skip
    lively(scene, 145, since=135).at("150m", beat()).expect().at("151m").expect(
        "151m miss 1", "151m refused no_restarter"
    )


def test_who_has_stopped_is_missed_nothing_of() -> None:
    scene = lively(maker(), 125).expect("2h incident postcondition").at("126m", beat("stop"))
    scene.expect("126m resolved postcondition").is_("stopped").at("10h").expect()
    lively(scene, 610, since=595).expect().at("615m").expect("615m incident postcondition")
    play(policy()).at("0s", beat("stop")).is_("stopped", postcondition=NOTHING_EXPECTED)


def test_while_a_parent_is_down_nobody_is_told() -> None:
    scene = lively(maker(), 115).down("database").at("2h", beat()).expect()
    scene.at("125m", beat()).up().at("135m").expect("135m incident postcondition")


def test_the_time_that_is_lost_is_given_back_until_it_is_written() -> None:
    scene = lively(maker(), 60).sleep("30m")
    lively(scene, 145, since=90).expect().at("149m", beat()).expect().at("150m").expect("150m incident postcondition")
    scene = maker().at("10m").sleep("30m").at("41m", WROTE, beat())
    lively(scene, 155, since=40).expect().at("161m").expect("161m incident postcondition")
    assert play(policy()).at("0s", beat()).sleep("1m").health.postcondition is NOTHING_EXPECTED


def test_the_clock_is_set_and_the_files_keep_their_times() -> None:
    scene = lively(maker(), 60).step_clock("-30m").is_("healthy")
    assert scene.health.postcondition.due == scene.time("2h")
    scene = lively(maker().at("0s", WROTE, DeadlineReached()), 60).step_clock("30m")
    lively(scene, 115, since=60).expect().at("2h").expect("2h incident postcondition")
    scene = lively(maker(), 10).at("10m", Paused(None, "ann")).step_clock("1h").at("12h", Resumed("ann"))
    lively(scene, 825, since=720).expect().at("830m").expect("830m incident postcondition")


def test_new_promises() -> None:
    soon = policy(expects=(Expectation("/out/report.csv", 1800.0),))
    scene = lively(maker(), 20).promise(soon).promise(soon).expect()
    lively(scene, 25, since=20).at("30m").expect("30m incident postcondition")
    scene.promise(policy(expects=(REPORT,))).expect("30m resolved postcondition")
    scene.promise(policy()).expect().is_("healthy", postcondition=NOTHING_EXPECTED)
    scene = play(policy()).at("0s", beat()).promise(policy(expects=(REPORT,))).expect()
    scene.at("1m", beat()).expect()
    assert scene.health.postcondition.due == START + 7200


def test_a_look_at_nothing_says_nothing() -> None:
    scene = play(policy()).at("0s", beat(), FilesSeen({"/a": START})).expect()
    assert scene.health.postcondition == NOTHING_EXPECTED
