"""When the supervisor doubts itself, rule by rule."""

from __future__ import annotations

from typing import Self

import pytest

from supervisor.domain import gate
from supervisor.domain.gate import (
    Blinded,
    Closed,
    Counted,
    Doubt,
    Doubted,
    Eased,
    Gate,
    GateAction,
    GateEvent,
    GatePolicy,
    Opened,
    OpenFleet,
    Reread,
    ResolveFleet,
    Sighted,
    Stepped,
    Woken,
)

POLICY = GatePolicy()
PASSING = [Doubt.STALLED, Doubt.SLEPT, Doubt.CLOCK]


class Watch:
    """The gate, woken whenever it asks for it."""

    def __init__(self, known: Gate | None = None) -> None:
        self.gate = known or Gate()
        self.now = 0.0
        self.said: list[tuple[float, GateAction]] = []

    def at(self, when: float, *events: GateEvent) -> Self:
        while (rings := self.gate.deadline(POLICY)) is not None and rings < when:
            self.now = max(self.now, rings)
            before = self.gate
            self.tell(Woken())
            assert self.gate != before, "the gate spins"
        self.now = when
        for event in events:
            self.tell(event)
        return self

    def tell(self, event: GateEvent) -> None:
        self.gate, actions = gate.handle(self.gate, event, self.now, POLICY)
        self.said.extend((self.now, action) for action in actions)

    def expect(self, *said: tuple[float, GateAction]) -> Self:
        found, self.said = self.said, []
        assert found == list(said)
        return self


def silent(overdue: int, fleet: int = 10) -> Counted:
    """Return a count in which all have fallen silent just now."""
    return Counted(overdue, overdue, fleet)


# --- doubts that pass --------------------------------------------------------------------------------


@pytest.mark.parametrize("doubt", PASSING)
def test_a_doubt_closes_has_everything_read_and_passes_after_settling(doubt: Doubt) -> None:
    watch = Watch().at(5, Doubted(doubt)).expect((5, Closed(doubt)), (5, Reread(doubt)))
    assert watch.gate.closed
    assert watch.gate.why == (doubt,)
    watch.at(34.9)
    assert watch.gate.closed
    watch.at(35.1).expect((35, Opened(30.0)))
    assert not watch.gate.closed
    assert watch.gate.why == ()
    assert watch.gate.deadline(POLICY) is None


def test_a_second_doubt_settles_anew_and_both_are_named() -> None:
    watch = Watch().at(0, Doubted(Doubt.STALLED)).at(20, Doubted(Doubt.CLOCK), Doubted(Doubt.CLOCK))
    assert watch.gate.why == (Doubt.STALLED, Doubt.CLOCK)
    watch.at(60)
    assert watch.said[-1] == (50, Opened(50.0))


def test_early_and_duplicate_wake_ups_change_nothing() -> None:
    watch = Watch().at(0, Woken())
    assert watch.gate == Gate()
    watch.at(0, Doubted(Doubt.SLEPT))
    known = watch.gate
    assert watch.at(29, Woken(), Woken()).gate is known


# --- doubts that stand -------------------------------------------------------------------------------


def test_a_place_that_can_not_be_observed_keeps_the_gate_closed_until_it_can() -> None:
    watch = Watch().at(0, Blinded("heartbeats")).expect((0, Closed(Doubt.UNWATCHED)))
    watch.at(300, Doubted(Doubt.CLOCK)).expect((300, Reread(Doubt.CLOCK)))
    watch.at(400, Sighted("heartbeats")).at(431).expect((430, Opened(430.0)))


def test_every_place_must_be_seen_again() -> None:
    watch = Watch().at(0, Blinded("a"), Blinded("b")).at(10, Sighted("a")).at(100)
    assert watch.gate.closed
    watch.at(100, Sighted("b")).at(131)
    assert not watch.gate.closed


def test_the_start_is_a_doubt_of_its_own() -> None:
    watch = Watch().at(0, Blinded("the first reading", Doubt.STARTED)).expect((0, Closed(Doubt.STARTED)))
    watch.at(2, Sighted("the first reading")).at(40).expect((32, Opened(32.0)))


def test_a_place_that_was_never_lost_is_no_news() -> None:
    assert Watch().at(0, Sighted("a")).expect().gate == Gate()
    watch = Watch().at(0, Doubted(Doubt.CLOCK)).at(20, Sighted("a")).at(31)
    assert not watch.gate.closed


def test_after_the_limit_a_person_hears_what_can_not_be_observed() -> None:
    watch = Watch().at(0, Blinded("b"), Blinded("a")).at(700)
    watch.expect((0, Closed(Doubt.UNWATCHED)), (600, OpenFleet("the agents can not be observed: a, b")))
    assert watch.gate.deadline(POLICY) is None
    watch.at(800, Sighted("a"), Sighted("b")).at(900)
    watch.expect((830, Opened(830.0)), (830, ResolveFleet("every agent beats again")))


def test_doubts_without_end_are_heard_of_too() -> None:
    watch = Watch()
    for now in range(0, 720, 20):
        watch.at(now, Doubted(Doubt.STALLED))
    assert [said for said in watch.said if isinstance(said[1], OpenFleet)] == [
        (600, OpenFleet("the agents can not be observed: loop_stalled"))
    ]
    watch.at(1000)
    assert watch.said[-2:] == [(730, Opened(730.0)), (730, ResolveFleet("every agent beats again"))]


# --- the fleet's silence -----------------------------------------------------------------------------


def test_half_of_the_agents_silent_at_once_close_the_gate() -> None:
    watch = Watch().at(0, silent(4)).expect()
    watch.at(1, silent(5)).expect((1, Closed(Doubt.FLEET)), (1, Reread(Doubt.FLEET)))


@pytest.mark.parametrize(
    ("overdue", "fleet", "closes"), [(1, 1, False), (1, 2, False), (2, 2, True), (2, 5, False), (3, 5, True)]
)
def test_at_least_half_and_at_least_two(overdue: int, fleet: int, closes: bool) -> None:
    assert Watch().at(0, silent(overdue, fleet)).gate.closed is closes


def test_agents_that_fell_silent_one_after_another_are_not_the_fleet() -> None:
    assert not Watch().at(0, Counted(9, 4, 10)).expect().gate.closed


def test_a_fleet_that_beats_again_within_the_settling_is_forgotten() -> None:
    watch = Watch().at(0, silent(5)).at(10, silent(0)).at(40)
    watch.expect((0, Closed(Doubt.FLEET)), (0, Reread(Doubt.FLEET)), (30, Opened(30.0)))


def test_a_silent_fleet_is_one_incident_and_is_judged_after_the_limit() -> None:
    watch = Watch().at(0, silent(8)).at(700)
    watch.expect(
        (0, Closed(Doubt.FLEET)),
        (0, Reread(Doubt.FLEET)),
        (30, OpenFleet("8 of 10 agents are silent at once")),
        (600, Opened(600.0)),
    )
    watch.at(710, silent(9), silent(10)).expect()
    watch.at(800, Doubted(Doubt.CLOCK)).at(900)
    watch.expect((800, Closed(Doubt.CLOCK)), (800, Reread(Doubt.CLOCK)), (830, Opened(30.0)))
    watch.at(1000, silent(6)).expect().at(1001, silent(4))
    watch.expect((1001, ResolveFleet("4 of 10 agents are still silent")))


def test_one_dead_agent_does_not_keep_the_fleets_incident_open_nor_hide_the_next() -> None:
    watch = (
        Watch()
        .at(0, silent(10))
        .at(700, silent(1))
        .at(900)
        .expect(
            (0, Closed(Doubt.FLEET)),
            (0, Reread(Doubt.FLEET)),
            (30, OpenFleet("10 of 10 agents are silent at once")),
            (600, Opened(600.0)),
            (700, ResolveFleet("1 of 10 agents are still silent")),
        )
    )
    assert watch.at(9000, silent(7)).gate.closed


@pytest.mark.parametrize("left", [4, 0])
def test_a_fleet_that_comes_back_opens_the_gate_before_the_limit(left: int) -> None:
    watch = Watch().at(0, silent(8)).at(100, silent(left)).at(200)
    assert watch.said[-2][1] == Opened(130.0)
    assert isinstance(watch.said[-1][1], ResolveFleet)


def test_a_passing_doubt_does_not_shorten_the_wait_for_the_fleet() -> None:
    watch = Watch().at(0, silent(8)).at(100, Doubted(Doubt.STALLED)).at(599)
    assert watch.gate.closed
    assert not watch.at(601).gate.closed


def test_a_fleet_that_is_silent_when_another_doubt_has_passed_is_one_incident_too() -> None:
    watch = Watch().at(0, Blinded("a")).at(10, silent(8)).at(20, Sighted("a")).at(100)
    watch.expect((0, Closed(Doubt.UNWATCHED)), (50, OpenFleet("8 of 10 agents are silent at once")))
    watch.at(700).expect((600, Opened(600.0)))


def test_a_fleet_that_is_silent_when_it_is_seen_again_after_the_limit_is_judged_at_once() -> None:
    watch = Watch().at(0, Blinded("a")).at(10, silent(8)).at(700, Sighted("a")).at(800)
    watch.expect(
        (0, Closed(Doubt.UNWATCHED)), (600, OpenFleet("the agents can not be observed: a")), (730, Opened(730.0))
    )


def test_an_incident_of_an_earlier_life_is_not_opened_twice_nor_forgotten() -> None:
    watch = Watch(Gate(incident=True, tried=True)).at(0, Blinded("the first reading", Doubt.STARTED))
    watch.at(1, Sighted("the first reading"))
    for overdue in range(1, 9):
        watch.at(2, Counted(overdue, overdue, 10))
    watch.at(100).expect((0, Closed(Doubt.STARTED)), (31, Opened(31.0)))
    watch.at(200, silent(0)).expect((200, ResolveFleet("every agent beats again")))


def test_while_a_place_is_unseen_a_fleet_that_beats_opens_nothing() -> None:
    watch = Watch().at(0, silent(8)).at(100, Blinded("a")).at(200, silent(0)).at(500)
    assert watch.gate.closed
    assert watch.gate.opens_at is None


# --- the clock ---------------------------------------------------------------------------------------


def test_a_step_of_the_clock_moves_the_kept_times() -> None:
    watch = Watch().at(0, Doubted(Doubt.SLEPT))
    moved, _ = gate.handle(watch.gate, Stepped(-50.0), 0.0, POLICY)
    assert (moved.closed_at, moved.opens_at) == (-50.0, -20.0)
    assert gate.handle(Gate(), Stepped(-50.0), 0.0, POLICY) == (Gate(), ())


# --- where some can be seen ---------------------------------------------------------------------------


def blinded() -> Watch:
    watch = Watch().at(0, Blinded("files", Doubt.VANISHED))
    return watch.expect((0, Closed(Doubt.VANISHED)))


def test_where_only_some_can_not_be_seen_the_gate_eases_after_it_has_settled() -> None:
    watch = blinded().at(29)
    assert not watch.gate.eased
    watch.at(31).expect((30, Eased()))
    assert watch.gate.closed
    assert watch.gate.eased
    watch.at(40, Doubted(Doubt.STALLED)).expect((40, Reread(Doubt.STALLED)))
    assert not watch.gate.eased
    watch.at(71).expect((70, Eased()))
    watch.at(80, Sighted("files")).expect()
    assert not watch.gate.eased
    watch.at(111).expect((110, Opened(110)))


def test_what_can_not_be_seen_at_all_eases_nothing() -> None:
    watch = blinded().at(0, Blinded("folder")).at(60)
    assert not watch.gate.eased
    watch.at(100, Sighted("folder")).at(129).expect()
    assert not watch.gate.eased
    watch.at(131).expect((130, Eased()))


def test_those_that_can_be_seen_and_fall_silent_at_once_are_doubted_once() -> None:
    watch = blinded().at(31).expect((30, Eased()))
    watch.at(100, silent(7)).expect((100, Reread(Doubt.FLEET)))
    assert not watch.gate.eased
    watch.at(131).expect((130, Eased()))
    watch.at(140, silent(8)).expect()
    assert watch.gate.eased


def test_the_clock_is_set_while_it_settles() -> None:
    watch = Watch().at(0, Blinded("files", Doubt.VANISHED), Stepped(100.0))
    assert watch.gate.settles_at == 130
