"""Who is overdue, what is doubted, and what the gate does of it."""

from __future__ import annotations

from supervisor.domain.gate import Doubt
from tests.support.world import VIRTUAL, VirtualTown, agent, town

pytestmark = VIRTUAL


async def settled(**agents: object) -> VirtualTown:
    t = await town(pulse=1.0, **agents).__aenter__()
    await t.sleep("31s")
    return t


async def test_silence_spread_over_more_than_a_minute_is_not_the_fleets() -> None:
    t = await settled(**{name: agent() for name in "abcd"})
    gate = t.daemon.gate
    for name in "abcd":
        gate.overdue(name)
        await t.sleep("61s")
        assert gate.trusted
    await t.kill()


async def test_silence_within_a_minute_is() -> None:
    t = await settled(**{name: agent() for name in "abcd"})
    gate = t.daemon.gate
    gate.overdue("a")
    gate.overdue("a")
    assert gate.trusted
    await t.sleep("59s")
    gate.overdue("b")
    assert not gate.trusted
    await t.kill()


async def test_who_beats_again_is_not_counted() -> None:
    t = await settled(**{name: agent() for name in "abcd"})
    gate = t.daemon.gate
    for name in "abcd":
        gate.overdue(name)
        gate.beating(name)
        gate.beating(name)
    assert gate.trusted
    assert gate.gate.overdue == 0
    await t.kill()


async def test_the_long_dead_make_nobody_recent() -> None:
    t = await settled(**{name: agent() for name in "abcd"})
    gate = t.daemon.gate
    gate.overdue("a")
    await t.sleep("61s")
    gate.overdue("b")
    await t.sleep("61s")
    gate.overdue("c")
    gate.beating("c")
    gate.overdue("d")
    assert gate.trusted
    await t.kill()


async def test_the_minute_moves_with_the_clock() -> None:
    t = await settled(**{name: agent() for name in "abcd"})
    gate = t.daemon.gate
    gate.overdue("a")
    gate.step_clock(-3600.0)
    t.step_clock(-3600.0)
    t.daemon._world.clock.resync()
    await t.sleep("30s")
    gate.overdue("b")
    assert not gate.trusted
    await t.kill()


async def test_a_thousand_are_counted_in_no_time_that_grows_with_them() -> None:
    t = await settled(**{f"a{number}": agent() for number in range(1000)})
    for number in range(1000):
        t.daemon.gate.overdue(f"a{number}")
    assert t.daemon.gate.gate.overdue == 1000
    assert [record.reason for record in t.logged("gate_closed")] == ["just_started", "fleet_silent"]
    await t.kill()


async def test_doubts_are_said_in_the_picture() -> None:
    t = await settled(a=agent())
    t.daemon.gate.doubt(Doubt.SLEPT)
    fleet = await t.control.fleet()
    assert (fleet.observed, fleet.doubts) == (False, ("machine_slept",))
    await t.sleep("31s")
    assert (await t.control.fleet()).observed
    await t.kill()
