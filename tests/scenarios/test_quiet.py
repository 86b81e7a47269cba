"""Silences, windows of maintenance and pauses, over days, clocks that are set, reloads and lives of the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from supervisor.domain.actions import Severity
from supervisor.domain.fleet import Modifier
from supervisor.domain.gate import GatePolicy
from supervisor.domain.health import HealthState
from supervisor.domain.maintenance import Window
from supervisor.formats.cron import times
from supervisor.ports import RefusedError
from supervisor.runtime.change import Change
from tests.support.actors import ScriptedReader
from tests.support.machine import EPOCH
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

CALM = GatePolicy(share=2.0)


def window(
    schedule: str, *, matcher: str = "*", duration: float = 7200.0, zone: str = "America/Bogota", name: str = "nightly"
) -> Window:
    return Window(name, matcher, "backup", duration, schedule, zone, times(schedule, zone))


def clock(at: float) -> str:
    """Return the wall clock so long (s) after the town began."""
    return f"{datetime.fromtimestamp(EPOCH + at, UTC):%H:%M}"


@asynccontextmanager
async def beating(t: VirtualTown, *names: str) -> AsyncIterator[None]:
    task = asyncio.create_task(t.beating(*names))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


# The town begins at 20:26:40 UTC, which is 15:26:40 in Bogota.


async def test_a_window_at_two_in_bogota_over_an_outage() -> None:
    async with town(a=agent(None), maintenance=(window("0 2 * * *"),)) as t:
        async with beating(t, "a"):
            await t.until("10h")
        assert t.logged("maintenance_started") == []
        await t.until("10h33m")
        assert [clock(at) for at in t.times("maintenance_started", window="nightly")] == []
        await t.until("10h34m")
        assert [clock(at) for at in t.times("maintenance_started", window="nightly")] == ["07:00"]
        await t.until("11h50m")
        assert (await t.view("a")).status is HealthState.ESCALATED
        assert Modifier.SILENCED in (await t.view("a")).modifiers
        assert t.heard() == []
        (covered,) = (await t.control.fleet()).covered
        assert (covered.silence.window, covered.silence.author, covered.agents, covered.incidents) == (
            *("nightly", "config"),
            *(1, 1),
        )
        await t.until("12h34m")
        assert [(clock(at), kind) for at, kind, _ in t.heard()] == [("09:00", "silence_ended")]
        assert [clock(at) for at in t.times("maintenance_ended")] == ["09:00"]
        (planned,) = (await t.control.fleet()).planned
        assert clock(planned.next_at - EPOCH if planned.next_at else 0.0) == "07:00"


async def test_a_window_that_opens_keeps_back_what_waits_for_company() -> None:
    made = town(a=agent(None), maintenance=(window("0 2 * * *"),), gate=CALM)
    made.channels["caine"] = ScriptedReader()
    async with made as t, beating(t, "a"):
        await t.until("10h33m10s")
        change = Change()
        t.daemon.desk.open(change, "a:stalled", Severity.WARNING, "it is stalled", {})
        t.daemon.journal.post(change)
        await t.until("12h33m")
        assert t.heard() == []
        await t.until("12h35m")
        assert [(clock(at), kind) for at, kind, _ in t.heard()] == [("09:00", "silence_ended")]


async def test_a_window_outlives_the_supervisor_and_is_said_once() -> None:
    async with town(a=agent(None), maintenance=(window("0 2 * * *"),)) as t:
        async with beating(t, "a"):
            await t.until("10h")
        await t.until("11h40m")
        await t.again()
        await t.until("12h")
        await t.again()
        await t.until("12h30m")
        assert t.heard() == []
        assert len(t.logged("maintenance_started")) == 1
        await t.until("12h34m")
        assert [clock(at) for at, _, _ in t.heard()] == ["09:00"]


async def test_a_window_that_is_over_when_the_next_life_begins() -> None:
    async with town(a=agent(None), maintenance=(window("0 2 * * *"),)) as t:
        async with beating(t, "a"):
            await t.until("10h")
        await t.until("12h")
        await t.kill()
        await t.until("14h")
        assert t.heard() == []
        await t.start()
        await t.sleep("1s")
        assert [kind for _, kind, _ in t.heard()] == ["silence_ended"]
        assert len(t.logged("maintenance_ended")) == 1


async def test_a_reload_opens_and_shuts_a_window_at_once() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("70m")
        t.maintenance = (window("0 15 * * *", matcher="b a"),)
        await t.reload()
        assert len(t.logged("maintenance_started")) == 1
        await t.until("80m")
        assert t.heard() == []
        t.maintenance = ()
        await t.reload()
        await t.sleep("1s")
        assert t.heard() == [(near(4800), "silence_ended", "a:heartbeat")]
        assert len(t.logged("maintenance_ended")) == 1
        assert t.control.silences().kept == ()


async def test_a_reload_that_narrows_an_open_window() -> None:
    async with town(a=agent(None), b=agent(None), gate=CALM, maintenance=(window("0 15 * * *"),)) as t:
        t.beat("a", "b")
        await t.until("80m")
        assert t.heard() == []
        t.maintenance = (window("0 15 * * *", matcher="b"),)
        await t.reload()
        await t.sleep("1s")
        assert t.heard() == [(near(4800), "silence_ended", "a:heartbeat")]
        assert len(t.logged("maintenance_started")) == 1


@pytest.mark.parametrize(("step", "opens"), [(3600.0, True), (-3600.0, False)])
async def test_a_window_follows_the_clock_on_the_wall(step: float, opens: bool) -> None:
    # 15:30 to 16:00 in Bogota: three minutes after the town began.
    async with town(a=agent(None), maintenance=(window("0 16 * * *"), window("20 15 * * *", name="now"))) as t:
        t.beat("a")
        await t.sleep("1m")
        assert [covered.silence.window for covered in (await t.control.fleet()).covered] == ["now"]
        t.step_clock(step)
        await t.sleep("2m")
        windows = {covered.silence.window for covered in (await t.control.fleet()).covered}
        assert windows == ({"now", "nightly"} if opens else set())


async def test_a_window_that_is_open_is_so_after_the_clock_was_set_back_a_day() -> None:
    async with town(a=agent(None), gate=CALM, maintenance=(window("20 15 * * *", duration=7200.0),)) as t:
        t.beat("a")
        await t.sleep("10m")
        t.step_clock(-86400.0)
        await t.until("79m")
        (covered,) = (await t.control.fleet()).covered
        assert covered.runs
        assert t.heard() == []


async def test_a_silence_that_is_to_begin_at_a_time_on_the_wall_begins_then() -> None:
    async with town(a=agent(None)) as t:
        await t.control.silence("a", 3600.0, "me", "works on it", starts_at=EPOCH + 7200.0)
        t.step_clock(3600.0)
        await t.sleep("70m")
        (covered,) = (await t.control.fleet()).covered
        assert (covered.runs, covered.silence.starts_at) == (True, EPOCH + 7200.0)


async def test_a_window_is_not_ended_by_hand() -> None:
    async with town(a=agent(None), maintenance=(window("0 15 * * *"),)) as t:
        await t.sleep("1s")
        (silence,) = t.control.silences().kept
        with pytest.raises(RefusedError, match=r"maintenance\.nightly"):
            await t.control.unsilence(silence.id, "me")


async def test_one_pass_without_a_daemon_keeps_quiet_in_a_window() -> None:
    t = town(a=agent(None), maintenance=(window("0 15 * * *"),))
    fleet = await t.once("a")
    assert [incident.silenced for incident in fleet.incidents] == [True]
    assert t.heard() == []


async def test_a_silence_that_is_to_come() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        made = await t.control.silence("a", 3600.0, "me", "works on it", starts_at=EPOCH + 3600.0)
        assert (made.runs, made.agents) == (False, 1)
        assert Modifier.SILENCED not in (await t.view("a")).modifiers
        await t.again()
        await t.until("61m")
        assert Modifier.SILENCED in (await t.view("a")).modifiers
        await t.until("119m")
        assert t.heard() == []
        await t.until("121m")
        assert t.heard() == [(near(7200), "silence_ended", "a:heartbeat")]


async def test_a_silence_that_is_over_before_it_begins_is_refused() -> None:
    async with town(a=agent(None)) as t:
        with pytest.raises(RefusedError, match="it would be over already"):
            await t.control.silence("a", 60.0, "me", "x", starts_at=EPOCH - 3600.0)


# --- pauses ------------------------------------------------------------------------------------------


async def test_a_paused_agent_is_heard_and_left_alone_and_has_its_start_period_afterwards() -> None:
    async with town(a=agent(start_period=600.0)) as t:
        t.beat("a")
        await t.until("30m")
        await t.control.pause("a", "ann", 4 * 3600.0, "it moves")
        view = await t.view("a")
        assert (view.status, view.modifiers, view.due) == (HealthState.STOPPED, (Modifier.PAUSED,), None)
        assert view.reason == "paused by ann until 2026-05-29 00:56:40 UTC: it moves"
        await t.until("2h")
        t.beat("a")
        t.beat("a", kind="fail")
        await t.sleep("1s")
        assert (await t.view("a")).last_heartbeat == near(t.wall() - 1)
        await t.again()
        await t.until("4h29m")
        await t.reload()
        assert (await t.view("a")).status is HealthState.STOPPED
        assert t.restarts("a") == []
        assert t.logged("heartbeat_missed") == []
        await t.until("4h31m")
        assert [record.by for record in t.logged("agent_resumed")] == [None]
        view = await t.view("a")
        assert (view.status, view.due) == (HealthState.UNKNOWN, near(EPOCH + 4.5 * 3600 + 600))
        await t.again()
        await t.until("4h39m")
        assert t.restarts("a") == []
        await t.until("4h41m")
        assert t.restarts("a") == [near(4.5 * 3600 + 600)]


async def test_a_pause_ends_what_is_open_and_a_person_ends_the_pause() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("80m")
        assert await t.keys() == {"a:heartbeat"}
        await t.control.pause("a", "ann")
        await t.sleep("1s")
        assert t.heard()[-1] == (near(4800), "resolved", "a:heartbeat")
        assert t.logged("incident_resolved")[0].summary == "paused by ann"
        await t.until("30h")
        assert len(t.heard()) == 2
        await t.control.resume("a", "bob")
        assert t.logged("agent_resumed")[0].by == "bob"
        t.beat("a")
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.HEALTHY


async def test_a_second_pause_takes_the_place_of_the_first() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.control.pause("a", "ann", 3600.0)
        await t.control.pause("a", "bob", 2 * 3600.0)
        await t.until("119m")
        assert (await t.view("a")).reason.startswith("paused by bob until")
        await t.until("121m")
        assert (await t.view("a")).pause is None


async def test_a_paused_agent_that_we_run_is_left_running_and_not_started_again() -> None:
    async with town(a=agent("managed")) as t:
        await t.sleep("1m")
        t.beat("a")
        await t.sleep("1s")
        began = len(t.restarts("a"))
        await t.control.pause("a", "ann")
        await t.sleep("1m")
        assert t.program("a").running
        t.program("a").die(3)
        await t.sleep("1h")
        assert len(t.restarts("a")) == began
        with pytest.raises(RefusedError, match="resume it first"):
            await t.control.restart("a", "me")
        await t.control.resume("a", "ann")
        await t.sleep("1m")
        assert len(t.restarts("a")) == began + 1, "a process that has ended has no start period"
        assert t.logged("heartbeat_missed")[0].reason.startswith("the process ended with exit code 3")


async def test_a_paused_parent_is_not_down() -> None:
    async with town(a=agent(None), database=agent(None), gate=CALM) as t:
        t.agents["a"] = agent(None, depends_on=("database",))
        await t.reload()
        t.beat("a", "database")
        await t.until("70m")
        await t.control.pause("database", "ann")
        await t.until("3h")
        assert {key for _, kind, key in t.heard() if kind == "triggered"} == {"a:heartbeat"}


async def test_a_paused_agent_that_was_adopted_is_not_forgotten() -> None:
    async with town(b=agent(None), discover=True) as t:
        t.beat("stranger")
        await t.sleep("5s")
        await t.control.pause("stranger", "ann")
        t.remove(t.place("stranger"))
        await t.sleep("3d")
        assert (await t.view("stranger")).pause is not None
        await t.again()
        assert (await t.view("stranger")).pause is not None


async def test_a_hold_says_whose_it_is_and_outlives_the_supervisor() -> None:
    async with town(a=agent()) as t:
        await t.control.hold("a", 7200.0, "ann")
        await t.again()
        assert (await t.view("a")).held_by == "ann"
        await t.control.release("a", "bob")
        assert (await t.view("a")).held_by is None
