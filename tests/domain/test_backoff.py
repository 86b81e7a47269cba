"""How often an agent is restarted at the most: the backoff and the intensity."""

from __future__ import annotations

from supervisor.domain.policy import OnExhausted
from tests.support.playbook import ASKED, beat, done, law, policy, restarting


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
