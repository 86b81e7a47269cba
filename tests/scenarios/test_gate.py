"""When the supervisor can not trust what it sees, no agent pays for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from supervisor.domain.health import HealthState
from supervisor.ports import WatchLost, WatchRestored
from tests.support.machine import BEATS
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

HOUR = 3600.0


@asynccontextmanager
async def beating(t: VirtualTown, *names: str, every: str = "30m") -> AsyncIterator[None]:
    """Let these agents beat meanwhile."""
    task = asyncio.create_task(t.beating(*names, every=every))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def untouched(t: VirtualTown) -> bool:
    """Whether nothing was held against any agent."""
    return not (t.logged("heartbeat_missed") or t.logged("restart_started") or t.channel().heard)


async def test_nothing_is_decided_before_the_first_reading_has_settled() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("59m50s")
        await t.kill()
        await t.sleep("2h")
        await t.start()
        began = t.t
        await t.sleep("29s")
        assert t.restarts("a") == []
        await t.sleep("2s")
        assert t.restarts("a") == [near(began + 30)]
        assert [record.consecutive_misses for record in t.logged("heartbeat_missed")] == [1]


async def test_beats_that_came_while_nobody_watched_are_read_first() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.kill()
        await t.sleep("3h")
        t.beat("a")
        await t.start()
        await t.sleep("50m")
        assert untouched(t)


async def test_a_stalled_event_loop_is_not_the_agents_silence() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        t.beat("a")
        await t.until("59m30s")
        t.files.append(t.place("a"), t.line(), t.wall() + 40)
        t.stall("45s")
        await t.sleep("1m")
        assert [record.reason for record in t.logged("gate_closed")] == ["just_started", "loop_stalled"]
        assert untouched(t)


async def test_a_stall_is_noticed_by_the_deadline_that_rings_before_the_pulse() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        t.beat("a")
        await t.until("59m30s")
        t.stall("45s")
        await t.sleep("10s")
        assert t.restarts("a") == []
        await t.sleep("1m")
        assert len(t.restarts("a")) == 1


@pytest.mark.parametrize("length", ["1h", "12h"])
async def test_while_the_machine_sleeps_no_agent_could_beat(length: str) -> None:
    async with town(a=agent(), pulse=1.0) as t:
        t.beat("a")
        await t.until("50m")
        t.suspend(length)
        await t.sleep("9m")
        assert t.logged("gate_closed", reason="machine_slept")
        assert untouched(t)
        await t.sleep("2m")
        assert t.restarts("a") == [near(3600)]


@pytest.mark.parametrize("hours", [-26, -2, -1, 1, 2, 26])
async def test_a_step_of_the_wall_clock_costs_nobody_anything(hours: int) -> None:
    async with town(a=agent(), b=agent(), c=agent(), pulse=1.0) as t, beating(t, "a", "b"):
        await t.until("35m")
        t.beat("c")
        await t.until("50m")
        t.step_clock(hours * HOUR)
        await t.until("94m")
        assert t.logged("gate_closed", reason="clock_stepped")
        assert untouched(t)
        await t.until("96m")
        assert t.restarts("c") == [near(95 * 60)]
        assert t.restarts("a") == t.restarts("b") == []
        await t.until("6h")
        assert {t.restarts(name)[0] if t.restarts(name) else None for name in "ab"} == {None}


async def test_no_beat_is_lost_that_is_written_between_the_step_and_the_next_look_at_the_clock() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        t.beat("a")
        await t.until("30m0.5s")
        t.step_clock(-2 * HOUR)
        t.beat("a")
        await t.until("89m")
        assert untouched(t)
        assert len(t.logged("heartbeat_received")) == 2


async def test_what_runs_by_the_clock_goes_on_after_a_step() -> None:
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "10m")), pulse=1.0) as t:
        t.beat("a")
        await t.control.hold("a", 2 * HOUR, "me")
        await t.until("76m")
        t.step_clock(-5 * HOUR)
        await t.until("84m")
        assert t.heard("person") == []
        await t.until("86m")
        assert t.heard("person") == [(near(85 * 60), "triggered", "a:heartbeat")]
        assert "held" in (await t.view("a")).modifiers
        await t.until("121m")
        assert "held" not in (await t.view("a")).modifiers


async def test_a_clock_that_was_set_back_while_nobody_watched() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("10m")
        await t.kill()
        t.step_clock(-3 * HOUR)
        await t.sleep("5m")
        t.beat("a")
        await t.start()
        await t.until("74m")
        assert untouched(t)
        assert (await t.view("a")).status is HealthState.HEALTHY
        await t.until("76m")
        assert t.restarts("a") == [near(75 * 60)]


async def test_a_lost_heartbeat_folder_closes_the_gate_until_it_is_back_and_read() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("50m")
        t.source.say(WatchLost(BEATS, "removed"))
        await t.until("58m")
        assert not (await t.control.fleet()).observed
        t.files.append(t.place("a"), t.line(), t.wall())  # unheard
        t.source.say(WatchRestored(BEATS, "events"))
        t.source.relist("restored")
        await t.until("117m")
        assert untouched(t)
        assert [record.path for record in t.logged("watch_lost")] == [str(BEATS)]


async def test_a_folder_that_stays_lost_is_told_after_ten_minutes() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("50m")
        t.source.say(WatchLost(BEATS, "removed"))
        await t.until("59m")
        assert t.heard() == []
        await t.until("3h")
        assert t.heard()[0] == (near(3600), "triggered", "fleet:silent")
        assert t.restarts("a") == []
        t.source.say(WatchRestored(BEATS, "polling"))
        t.source.relist("restored")
        await t.sleep("1m")
        assert t.heard()[-1][1:] == ("resolved", "fleet:silent")
        assert len(t.restarts("a")) == 1


async def test_a_folder_that_is_only_polled_is_still_observed() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        t.source.say(WatchLost(BEATS, "no events here", observed=True))
        await t.until("61m")
        assert len(t.restarts("a")) == 1


async def test_half_of_the_agents_at_once_are_one_incident_and_then_one_by_one() -> None:
    names = "abcdef"
    async with town(**{name: agent() for name in names}) as t, beating(t, "a", "b"):
        t.beat(*"cdef")
        await t.until("60m31s")
        assert t.heard() == [(near(3630), "triggered", "fleet:silent")]
        assert all(t.restarts(name) == [] for name in names)
        await t.until("69m")
        assert all(t.restarts(name) == [] for name in names)
        await t.until("71m")
        assert all(t.restarts(name) == [near(4200)] for name in "cdef")
        assert t.restarts("a") == t.restarts("b") == []
        t.beat(*"cdef")
        await t.sleep("1s")
        assert t.heard()[-1][1:] == ("resolved", "fleet:silent")
        assert len(t.channel().heard) == 2


async def test_half_of_the_agents_that_were_only_late_cost_nothing() -> None:
    async with town(a=agent(), b=agent(), c=agent()) as t, beating(t, "a"):
        t.beat("b", "c")
        await t.until("60m10s")
        t.beat("b", "c")
        await t.until("62m")
        assert untouched(t)
        assert t.logged("gate_closed", reason="fleet_silent")
        assert (await t.control.fleet()).observed


async def test_two_that_died_long_ago_do_not_make_a_third_ones_silence_the_fleets() -> None:
    async with town(**{name: agent(None) for name in "abcde"}) as t, beating(t, "d", "e"):
        t.beat("a")
        await t.sleep("10m")
        t.beat("b")
        await t.until("100m")
        t.beat("c")
        await t.until("161m")
        assert not t.logged("gate_closed", reason="fleet_silent")


async def test_a_reading_that_hangs_closes_the_gate() -> None:
    async with town(a=agent(), b=agent(), c=agent()) as t, beating(t, "b", "c"):
        t.beat("a")
        await t.until("40m")
        t.disk_reads.clear()
        t.beat("b")
        await t.until("65m")
        assert not (await t.control.fleet()).observed
        assert not t.logged("heartbeat_missed")
        assert t.heard() == [(near(50 * 60 + 5), "triggered", "fleet:silent")]
        t.disk_reads.set()
        await t.sleep("35s")
        assert (await t.control.fleet()).observed
        assert t.restarts("a") == [near(65 * 60 + 30)]


async def test_an_agent_that_beats_while_the_gate_is_closed_is_healthy_at_once() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        t.source.say(WatchLost(BEATS, "flaky"))
        await t.until("2h")
        t.beat("a")
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.HEALTHY
        assert (await t.view("a")).due == near(t.wall() + 3599)


async def test_only_when_every_service_turns_the_watchdog_is_fed() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        await t.sleep("10s")
        fed = sum("WATCHDOG" in told for told in t.watchdog.told)
        assert fed == near(10) or fed in {9, 10, 11}
        assert t.watchdog.told[0]["READY"] == 1


async def test_a_beat_that_is_being_read_when_the_deadline_rings_is_in_time() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("59m59.9s")
        t.disk_reads.clear()
        t.beat("a")
        await t.until("60m0.1s")
        t.disk_reads.set()
        await t.sleep("1m")
        assert not t.logged("heartbeat_missed")


async def test_a_beat_that_is_being_read_when_its_process_ends_is_heard_first() -> None:
    async with town(a=agent("managed")) as t:
        await t.sleep("1m")
        t.beat("a", kind="ok")
        await t.sleep("1m")
        t.disk_reads.clear()
        t.beat("a", kind="stop")
        await t.sleep("10ms")
        t.program("a").die(0)
        await t.sleep("1s")
        t.disk_reads.set()
        await t.sleep("1m")
        assert (await t.view("a")).status is HealthState.STOPPED
        assert len(t.restarts("a")) == 1
