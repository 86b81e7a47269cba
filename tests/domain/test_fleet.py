from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.domain.actions import Severity
from supervisor.domain.activity import Activity
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.events import Beat
from supervisor.domain.flapping import Flapping
from supervisor.domain.fleet import AgentView, Fleet, Modifier, Status, narrowed, overall, view, worst_first
from supervisor.domain.health import Health, HealthState
from supervisor.domain.loop import Loop
from supervisor.domain.policy import Policy
from supervisor.domain.postcondition import Postcondition
from supervisor.domain.progress import Progress
from supervisor.domain.restarts import History
from supervisor.domain.vitals import Pause
from tests.support.stage import START

INCIDENT = Incident("i1", "books:parse", Severity.WARNING, "a file is torn", START)


def seen(health: Health, *, name: str = "a", silenced: bool = False, observed: bool = True) -> AgentView:
    return view(
        name,
        health,
        now=START,
        policy=Policy(),
        restarter="command",
        silenced_until=100.0 if silenced else None,
        observed=observed,
    )


def agents(*states: HealthState) -> list[AgentView]:
    return [seen(Health(state), name=f"{number}-{state}") for number, state in enumerate(states)]


def test_a_view_shows_what_is_known() -> None:
    last = Beat(START - 60, incarnation="b")
    known = Health(
        HealthState.ESCALATED,
        START - 10,
        2,
        last,
        START + 900,
        history=History(total=4, starts=1),
        errors=1,
        reason="silent",
    )
    assert seen(known) == AgentView(
        name="a",
        status=HealthState.ESCALATED,
        last_heartbeat=START - 60,
        consecutive_misses=2,
        restarts=3,
        errors=1,
        reason="silent",
        modifiers=(),
        since=START - 10,
        due=START + 900,
        heartbeat_timeout=3600.0,
        restart_at=None,
        held_until=None,
        incarnation="b",
        beat=last,
        restarter="command",
    )


def test_a_view_of_nothing() -> None:
    nothing = seen(Health())
    assert (nothing.last_heartbeat, nothing.incarnation, nothing.beat) == (None, None, None)


@pytest.mark.parametrize(
    ("health", "modifiers"),
    [
        (Health(), ()),
        (Health(held_until=START + 1), (Modifier.HELD,)),
        (Health(held_until=START), ()),
        (Health(exhausted=True), (Modifier.EXHAUSTED,)),
        (Health(beat=Beat(START, skew=90.0)), (Modifier.CLOCK_SKEW,)),
        (Health(beat=Beat(START)), ()),
        (Health(progress=Progress(START, nudged=True, seq=1, pending=5, since=START)), (Modifier.STALLED,)),
        (Health(loop=Loop(START, nudged=True)), (Modifier.LOOPING,)),
        (Health(postcondition=Postcondition(START, nudged=True)), (Modifier.UNMET,)),
        (Health(flapping=Flapping(1, on=True)), (Modifier.FLAPPING,)),
    ],
)
def test_modifiers(health: Health, modifiers: tuple[Modifier, ...]) -> None:
    assert seen(health).modifiers == modifiers


def test_modifiers_from_outside_the_agent() -> None:
    assert seen(Health(), silenced=True, observed=False).modifiers == (Modifier.SILENCED, Modifier.UNOBSERVED)
    asleep = seen(Health(pause=Pause("ann"), held_until=START + 60, held_by="bob"))
    assert asleep.modifiers == (Modifier.PAUSED, Modifier.HELD)
    assert (asleep.pause, asleep.held_by) == (Pause("ann"), "bob")
    past = seen(Health(held_until=1.0, held_by="bob", held_reason="it is odd"))
    assert (past.held_by, past.held_reason) == (None, None)
    now = seen(Health(held_until=START + 60, held_by="bob", held_reason="it is odd"))
    assert now.held_reason == "it is odd"


def test_work_that_puts_off_a_restart_is_shown() -> None:
    work = Activity("/w/a.log", START - 5, START - 60)
    assert seen(Health(activity=work, restart_at=START + 60)).activity == work
    assert seen(Health(activity=work)).activity is None
    assert seen(Health(restart_at=START + 60)).activity is None


def test_after_the_ill_comes_what_is_worth_a_look() -> None:
    ill, well, burning, calm = agents(HealthState.UNHEALTHY, *[HealthState.HEALTHY] * 3)
    held = replace(well, name="z", modifiers=(Modifier.HELD,))
    waiting = replace(calm, name="w", status=HealthState.UNKNOWN)
    open_ = replace(INCIDENT, key=f"{burning.name}:burn")
    over = replace(open_, key="calm:burn", state=IncidentState.RESOLVED)
    everyone = (calm, waiting, held, burning, ill)
    assert worst_first(everyone, (open_, over)) == (ill, burning, held, waiting, calm)


def test_the_worst_come_first_and_then_by_name() -> None:
    order = [HealthState.HEALTHY, HealthState.STOPPED, HealthState.UNHEALTHY, HealthState.RESTARTING]
    order += [HealthState.UNKNOWN, HealthState.ESCALATED, HealthState.ESCALATED]
    assert [agent.name for agent in worst_first(reversed(agents(*order)))] == [
        "5-escalated",
        "6-escalated",
        "2-unhealthy",
        "3-restarting",
        "4-unknown",
        "0-healthy",
        "1-stopped",
    ]


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ((), Status.UNKNOWN),
        ((HealthState.HEALTHY,), Status.OK),
        ((HealthState.STOPPED,), Status.OK),
        ((HealthState.HEALTHY, HealthState.UNKNOWN), Status.UNKNOWN),
        ((HealthState.UNKNOWN, HealthState.RESTARTING), Status.WARNING),
        ((HealthState.HEALTHY, HealthState.UNHEALTHY), Status.WARNING),
        ((HealthState.UNHEALTHY, HealthState.ESCALATED), Status.CRITICAL),
    ],
)
def test_the_whole_is_as_bad_as_its_worst_agent(states: tuple[HealthState, ...], status: Status) -> None:
    assert overall(agents(*states), [], observed=True) is status


def test_an_open_incident_counts_and_a_resolved_one_does_not() -> None:
    healthy = agents(HealthState.HEALTHY)
    assert overall(healthy, [INCIDENT], observed=True) is Status.WARNING
    assert overall(healthy, [replace(INCIDENT, severity=Severity.CRITICAL)], observed=True) is Status.CRITICAL
    assert overall(healthy, [replace(INCIDENT, state=IncidentState.RESOLVED)], observed=True) is Status.OK


def test_what_is_not_observed_is_unknown_unless_something_is_worse() -> None:
    assert overall(agents(HealthState.HEALTHY), [], observed=False) is Status.UNKNOWN
    assert overall(agents(HealthState.ESCALATED), [], observed=False) is Status.CRITICAL


def test_a_narrowed_picture_is_judged_by_what_is_left_in_it() -> None:
    ill, well = seen(Health(HealthState.ESCALATED), name="ill"), seen(Health(HealthState.HEALTHY), name="well")
    of_ill = replace(INCIDENT, id="i2", key="ill:heartbeat", severity=Severity.CRITICAL)
    everything = Fleet(START, Status.CRITICAL, (ill, well), (INCIDENT, of_ill), doubts=("just_started",))
    assert narrowed(everything, ["well"]) == replace(everything, status=Status.OK, agents=(well,), incidents=())
    assert narrowed(everything, {"ill"}) == replace(everything, agents=(ill,), incidents=(of_ill,))
    assert narrowed(everything, ["well", "books"]).status is Status.WARNING
    assert narrowed(everything, ["nobody"]).status is Status.UNKNOWN
    assert narrowed(replace(everything, observed=False), ["well"]).status is Status.UNKNOWN


def test_exit_codes_are_those_of_monitoring_plugins() -> None:
    assert {status.value: status.exit_code for status in Status} == {
        "ok": 0,
        "warning": 1,
        "critical": 2,
        "unknown": 3,
    }
