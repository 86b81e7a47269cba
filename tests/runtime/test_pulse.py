"""The supervisor watches itself."""

from __future__ import annotations

from supervisor.runtime.journal import ALIVE_AT
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL


def fed(t: VirtualTown) -> int:
    return sum("WATCHDOG" in told for told in t.watchdog.told)


async def test_the_watchdog_is_fed_while_everything_turns() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        await t.sleep("100s")
        assert fed(t) in {99, 100, 101}


async def test_it_goes_hungry_when_a_service_stands_still() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        await t.sleep("1m")
        t.daemon._pulse._services = {"timers": (lambda: t.daemon._world.clock.now() - 61, 60.0)}
        before = fed(t)
        await t.sleep("10s")
        assert fed(t) - before <= 1
        assert t.watchdog.told[-1] == {"STATUS": "hung: timers"}


async def test_every_minute_it_is_written_that_somebody_watches() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        await t.sleep("10m")
        saved = await t.disk.store.open()
        assert float(saved.facts[ALIVE_AT]) > t.wall() - 61


async def test_lag_is_measured() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        await t.sleep("10.5s")
        t.stall("3s")
        await t.sleep("1ms")
        assert t.daemon._pulse.lag == near(2.5)
        assert not t.logged("gate_closed", reason="loop_stalled")


async def test_small_steps_are_followed_without_a_word() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        for _ in range(10):
            t.step_clock(1.5)
            await t.sleep("1s")
        assert not t.logged("gate_closed", reason="clock_stepped")
        assert (await t.control.fleet()).at == near(t.wall())


async def test_a_stall_is_found_by_a_deadline_that_rings_before_the_pulse() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        await t.sleep("500ms")
        t.beat("a")
        await t.until("60m0.4s")
        t.stall("45s")
        await t.sleep("20s")
        assert t.restarts("a") == []
        assert t.logged("gate_closed", reason="loop_stalled")
        await t.sleep("1m")
        assert len(t.restarts("a")) == 1


async def test_slept_and_stepped_at_once() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        t.beat("a")
        await t.until("50m")
        t.suspend("2h")
        t.step_clock(-1800.0)
        await t.until("59m")
        assert [record.reason for record in t.logged("gate_closed")][-1] in {"machine_slept", "clock_stepped"}
        assert not t.logged("heartbeat_missed")
        await t.until("61m")
        assert t.restarts("a") == [near(3600)]


async def test_a_clock_that_is_set_back_stops_no_checkpoint() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        await t.sleep("10s")
        t.step_clock(-36000.0)
        await t.sleep("10m")
        assert float((await t.disk.store.open()).facts[ALIVE_AT]) > t.wall() - 61
