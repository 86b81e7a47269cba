"""What falls between two awaits: a beat that is being read, a fleet that has been silent for long."""

from __future__ import annotations

import asyncio

from tests.support.world import VIRTUAL, VirtualTown, agent

pytestmark = VIRTUAL


async def test_a_beat_that_is_being_read_when_the_deadline_rings_is_no_silence() -> None:
    async with VirtualTown(agents={"a": agent()}) as town:
        town.beat("a")
        await town.until("59m58s")
        town.disk_reads.clear()
        town.beat("a")
        await town.until("60m1s")
        town.disk_reads.set()
        await town.sleep("1s")
        assert town.logged("heartbeat_missed") == []
        assert town.restarts("a") == []


async def test_a_beat_that_is_being_read_when_somebody_checks_is_no_silence() -> None:
    async with VirtualTown(agents={"a": agent()}) as town:
        await town.until("5m")
        town.disk_reads.clear()
        town.beat("a")
        await town.sleep("100ms")
        asked = asyncio.create_task(town.control.check())
        await town.sleep("100ms")
        town.disk_reads.set()
        await asked
        assert town.logged("incident_opened") == []
        assert town.restarts("a") == []


async def test_agents_that_have_been_silent_for_hours_are_no_silence_of_the_fleet() -> None:
    """Two of three are dead, one after the other; then the machine sleeps for a minute."""
    async with VirtualTown(agents={name: agent(None) for name in "abc"}) as town:
        town.beat("a", "b", "c")
        beating = asyncio.create_task(town.beating("c", every="10m"))
        await town.until("20m")
        town.beat("b")
        await town.until("10h")
        town.suspend("1m")
        await town.sleep("20m")
        beating.cancel()
        assert {record.record.key for record in town.logged("incident_opened")} == {"a:heartbeat", "b:heartbeat"}
