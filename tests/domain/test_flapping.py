"""Well and ill by turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain import flapping
from supervisor.domain.events import RestartAsked
from supervisor.domain.flapping import STEADY, Flapping
from supervisor.domain.policy import Policy
from tests.support.playbook import Play, beat, done, law, play, policy
from tests.support.stage import START

LIMITS = Policy(check_interval=60.0)
EAGER = law(max_restarts=99, backoff=0.0)


def icinga(history: list[bool]) -> float:
    """Return the share as Icinga's `UpdateFlappingStatus` counts it, oldest first."""
    return sum(80 + 2 * place for place, changed in enumerate(history) if changed) / 2000


@given(st.lists(st.booleans(), min_size=20, max_size=60))
def test_the_weights_are_icingas(looks: list[bool]) -> None:
    known, well, history, on = STEADY, True, [False] * 20, False
    for number, found in enumerate(looks):
        known = flapping.judged(known, START + 60 * number, LIMITS, well=found)
        history = [*history[1:], found is not well]
        well = found
        on = icinga(history) > (0.25 if on else 0.30)
        assert known.share == pytest.approx(icinga(history))
        assert known.on is on
        assert known.changes < 1 << 20


def test_what_changes_nothing_counts_once_in_a_check_interval() -> None:
    known = flapping.judged(STEADY, START, LIMITS, well=False)
    for second in range(1, 60):
        assert flapping.judged(known, START + second, LIMITS, well=False) is known
    assert flapping.judged(known, START + 60, LIMITS, well=False).changes == 0b10
    assert flapping.judged(known, START + 1, LIMITS, well=True).changes == 0b11


def test_the_steady_cost_nothing() -> None:
    assert flapping.judged(STEADY, START, LIMITS, well=True) is STEADY
    assert flapping.shifted(STEADY, 60.0) is STEADY


def test_the_clock_is_set() -> None:
    assert flapping.shifted(Flapping(1, at=START), 60.0) == Flapping(1, at=START + 60)


def turns(scene: Play, *minutes: int) -> Play:
    """Fail and recover at each of these minutes, restarted in between."""
    for number, minute in enumerate(minutes, 1):
        scene.at(f"{minute}m", beat("fail")).at(f"{minute}m1s", done(number)).at(f"{minute}m2s", beat())
        scene.expect(f"{minute}m miss 1", f"{minute}m restart {number}")
    return scene


def test_the_third_turn_within_hours_is_told_and_the_fourth_is_not_restarted() -> None:
    scene = play(policy(EAGER)).at("0s", beat())
    turns(scene, 10, 20).at("30m", beat("fail")).at("30m1s", done(3)).at("30m2s", beat())
    scene.expect("30m miss 1", "30m restart 3", "30m2s incident flapping").is_("healthy")
    scene.at("40m", beat("fail")).expect("40m miss 1", "40m refused flapping").is_("unhealthy")
    scene.at("55m").expect("55m miss 2", "55m refused flapping").is_("escalated", incident=False)


def test_a_person_may_restart_what_flaps() -> None:
    scene = turns(play(policy(EAGER)).at("0s", beat()), 10, 20).at("30m", beat("fail"))
    scene.at("30m1s", done(3)).at("30m2s", beat()).at("40m", beat("fail")).at("41m", RestartAsked("ann"))
    scene.expect(
        "30m miss 1", "30m restart 3", "30m2s incident flapping", "40m miss 1", "40m refused flapping", "41m restart 4"
    )


def test_it_settles_when_nothing_changes_any_more_and_who_is_dead_then_is_told_of() -> None:
    scene = turns(play(policy(EAGER)).at("0s", beat()), 10, 20).at("30m", beat("fail"))
    scene.at("30m1s", done(3)).at("30m2s", beat()).at("40m", beat("fail")).at("24h")
    settled = [line for _, line in scene.wanted if not line.startswith(("miss", "refused"))]
    assert settled == ["restart 3", "incident flapping", "incident", "restart 4", "resolved flapping"]
    assert not scene.health.flapping.on


def test_it_settles_when_it_is_well_for_long() -> None:
    scene = turns(play(policy(EAGER)).at("0s", beat()), 10, 20).at("30m", beat("fail"))
    scene.at("30m1s", done(3)).at("30m2s", beat())
    for minute in range(40, 400, 10):
        scene.at(f"{minute}m", beat())
    scene.expect("30m miss 1", "30m restart 3", "30m2s incident flapping", "330m resolved flapping")


def test_a_limit_of_1_is_never() -> None:
    turns(play(policy(EAGER, flap_high=1.0)).at("0s", beat()), *range(10, 300, 10))
