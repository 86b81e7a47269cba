"""An agent whose parent is down: its misses are the parent's."""

from __future__ import annotations

import pytest

from supervisor.domain.events import ParentWell, ProcessExited, RestartAsked
from supervisor.domain.health import Health, HealthState
from supervisor.domain.progress import IDLE
from tests.support.playbook import Play, beat, play, policy


def orphaned() -> Play:
    """Begin with a well agent whose database goes down."""
    return play(policy()).at("0s", beat()).down("database")


def test_its_misses_count_and_nothing_follows_from_them() -> None:
    scene = orphaned().at("75m").expect(
        "60m miss 1", "60m refused parent_down", "75m miss 2", "75m refused parent_down"
    )  # fmt: skip
    scene.is_("unhealthy", reason="no heartbeat for 1 h 15 min; it depends on database, which is down")


def test_once_the_parent_is_well_it_is_judged_anew() -> None:
    scene = orphaned().at("80m").up().is_(
        "unhealthy", misses=0, due="95m", reason="judged anew: database is down no more"
    )  # fmt: skip
    scene.at("110m").is_("restarting")
    assert [line for _, line in scene.wanted][4:] == ["miss 1", "restart 1"]


def test_a_heartbeat_ends_it_as_ever() -> None:
    orphaned().at("80m", beat()).is_("healthy", misses=0).up().is_("healthy", misses=0, due="140m")


def test_what_was_told_before_goes_on_and_is_not_judged_anew() -> None:
    scene = play(policy(None)).at("0s", beat()).at("76m").down("database").at("91m").up()
    scene.is_("escalated", misses=3, incident=True)


def test_a_process_that_ended_meanwhile_is_started_at_once() -> None:
    scene = orphaned().at("10m", ProcessExited(1)).expect("10m miss 1", "10m refused parent_down")
    scene.at("20m").up().expect("20m miss 1", "20m restart 1")


def test_another_parent_may_be_down_still() -> None:
    scene = orphaned().at("61m")
    known = scene.health
    assert scene.at("61m", ParentWell("queue")).health is known


def test_a_restart_that_waits_for_its_backoff_waits_for_the_parent() -> None:
    scene = play(policy()).at("0s", beat()).at("10m", beat("fail", phase="critical"))
    scene.expect("10m miss 1", "10m refused critical_phase").down("database")
    scene.at("15m").expect("15m refused parent_down")


def test_a_person_may_restart_it() -> None:
    orphaned().at("61m", RestartAsked("ann")).expect("60m miss 1", "60m refused parent_down", "61m restart 1")


def test_nobody_is_nudged_for_it() -> None:
    scene = play(policy(progress_timeout="30m")).at("0s", beat(progress_seq=1, pending=1)).down("database")
    scene.at("44m").expect().up().at("45m").expect("45m incident stalled")
    assert scene.health.progress is not IDLE


def test_it_does_not_flap_with_its_parent() -> None:
    scene = play(policy(None)).at("0s", beat()).down("database")
    for minute in range(10, 100, 10):
        scene.at(f"{minute}m", beat("fail")).at(f"{minute + 5}m", beat())
    assert scene.health.flapping.changes == 0


@pytest.mark.parametrize(
    ("state", "down"),
    [
        (HealthState.UNKNOWN, False),
        (HealthState.HEALTHY, False),
        (HealthState.STOPPED, False),
        (HealthState.UNHEALTHY, True),
        (HealthState.RESTARTING, True),
        (HealthState.ESCALATED, True),
    ],
)
def test_who_is_down(state: HealthState, down: bool) -> None:
    assert Health(state).down is down
