"""What people and programs may ask of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

import pytest

from supervisor.domain.events import CheckAsked
from supervisor.domain.gate import GatePolicy
from supervisor.domain.vitals import HealthState
from supervisor.ports import RefusedError, Row, UnknownNameError
from supervisor.runtime.change import Change
from tests.support.world import VIRTUAL, agent, near, town

pytestmark = VIRTUAL


async def test_names_that_nobody_knows_are_said() -> None:
    async with town(a=agent()) as t:
        control = t.control
        for asked in (
            control.restart("x", "me"),
            control.hold("x", 60.0, "me"),
            control.release("x", "me"),
            control.check(["x"]),
            control.acknowledge("x", "me"),
            control.unsilence("x", "me"),
            control.test_notify("x", "me"),
        ):
            with pytest.raises(UnknownNameError):
                await asked


async def test_a_check_reads_and_judges_everyone() -> None:
    async with town(a=agent(None), b=agent(None), c=agent(None)) as t:
        await t.sleep("31s")
        t.files.append(t.place("a"), t.line(), t.wall())
        fleet = await t.control.check()
        assert {view.name: view.status.value for view in fleet.agents} == {
            "a": "healthy",
            "b": "escalated",
            "c": "escalated",
        }


async def test_readiness() -> None:
    t = town(a=agent())
    t.disk_reads.clear()
    starting = asyncio.ensure_future(t.start())
    await asyncio.sleep(3)
    assert t.control.readiness() == "the heartbeat files are being read for the first time"
    t.disk_reads.set()
    await starting
    assert t.control.readiness() is None
    await t.kill()


async def test_stopped_before_it_was_ready() -> None:
    t = town(a=agent())
    t.disk_reads.clear()
    starting = asyncio.ensure_future(t.start())
    await asyncio.sleep(3)
    await t.stop()
    assert t.logged("supervisor_ready") == []
    assert len(t.logged("supervisor_stopping")) == 1
    with pytest.raises(AssertionError):
        await starting


async def test_a_heartbeat_by_hand() -> None:
    async with town(a=agent()) as t:
        await t.control.heartbeat("a", {"kind": "ok", "seq": 4})
        await t.sleep("1s")
        beat = (await t.view("a")).beat
        assert beat is not None
        assert beat.seq == 4


async def test_history_is_kept_and_followed() -> None:
    async with town(a=agent()) as t:
        following = cast("AsyncGenerator[Row, None]", t.control.follow())
        first = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        await t.control.hold("a", 600.0, "me", "it is odd")
        row = await first
        assert (row.event, row.agent, row.fields["by"]) == ("agent_held", "a", "me")
        assert row.fields["reason"] == "it is odd"
        assert (await t.view("a")).held_reason == "it is odd"
        assert row in await t.control.rows(agent="a")
        assert await t.control.rows(after=row.id, agent="a") == []
        await following.aclose()


async def test_incidents_closed_ones_too() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("76m")
        t.beat("a")
        await t.sleep("1s")
        (incident,) = await t.control.incidents()
        assert (incident.key, incident.resolved_at) == ("a:heartbeat", near(t.wall() - 1))


async def test_an_acknowledgement_lasts_as_long_as_configured() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("76m")
        (incident,) = (await t.control.fleet()).incidents
        acked = await t.control.acknowledge(incident.id, "me")
        assert acked.acked_until == pytest.approx(t.wall() + 1800, abs=0.1)


async def test_a_hold_is_a_lease() -> None:
    async with town(a=agent()) as t:
        until = await t.control.hold("a", 600.0, "me")
        assert until == pytest.approx(t.wall() + 600, abs=0.1)
        view = await t.view("a")
        assert view.held_until == until
        await t.sleep("11m")
        assert "held" not in (await t.view("a")).modifiers


async def test_a_restart_that_nothing_can_do_is_refused() -> None:
    async with town(a=agent(None)) as t:
        with pytest.raises(RefusedError, match="nothing is configured"):
            await t.control.restart("a", "me")


async def test_a_person_restarts_what_the_gate_and_a_hold_keep() -> None:
    async with town(a=agent()) as t:
        await t.control.hold("a", 600.0, "me")
        await t.control.restart("a", "me")
        await t.sleep("1s")
        assert t.restarts("a") == [near(0)]
        assert (await t.view("a")).status is HealthState.RESTARTING


async def test_without_a_file_there_is_nothing_to_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.world.CONFIG", None)
    async with town(a=agent()) as t:
        t.agents["b"] = agent()
        t.source.relist("walk")
        await t.sleep("1s")
        assert len((await t.control.fleet()).agents) == 1
        t.daemon.reload_soon()
        await t.sleep("1s")
        assert len((await t.control.fleet()).agents) == 2


async def test_a_check_of_everyone_does_not_wait_for_who_is_removed_meanwhile() -> None:
    async with town(a=agent(None), b=agent(None), c=agent(None)) as t:
        await t.sleep("1m")
        t.disk_reads.clear()
        checking = asyncio.create_task(t.control.check())
        await t.sleep("100ms")
        del t.agents["b"]
        await t.reload()
        one = t.daemon.roster.get("c")
        t.disk_reads.set()
        fleet = await asyncio.wait_for(checking, 10)
        assert [view.name for view in fleet.agents] == ["a", "c"]
        await t.stop()
        with pytest.raises(UnknownNameError, match="c is watched no more"):
            await asyncio.wait_for(one.ask(CheckAsked()), 10)


async def test_many_are_acknowledged_together_or_not_at_all() -> None:
    names = [f"a{number}" for number in range(3)]
    async with town(**{name: agent(None) for name in names}, gate=GatePolicy(share=2.0)) as t:
        t.beat(*names)
        await t.until("76m")
        ids = [incident.id for incident in t.control.open_incidents()]
        with pytest.raises(UnknownNameError, match="no open incident x"):
            await t.control.acknowledge_many([*ids, "x"], "me")
        assert t.logged("incident_acknowledged") == []
        taken = await t.control.acknowledge_many([*ids, ids[0]], "me", 60.0)
        assert [incident.id for incident in taken] == ids
        assert {incident.acked_by for incident in t.control.open_incidents()} == {"me"}
        written = [entry for entry in t.disk.entries if any(one.acked_by for one in entry.incidents)]
        assert [len(entry.incidents) for entry in written] == [3]


async def test_what_ends_while_many_are_acknowledged_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.runtime.control._AT_ONCE", 1)
    async with town(a=agent(None), b=agent(None), gate=GatePolicy(share=2.0)) as t:
        t.beat("a", "b")
        await t.until("76m")
        first, second = t.control.open_incidents()
        acting = asyncio.ensure_future(t.control.acknowledge_many([first.id, second.id], "me"))
        await asyncio.sleep(0)
        change = Change()
        t.daemon.desk.resolve(change, second.key, "over")
        t.daemon.journal.post(change)
        assert [incident.id for incident in await acting] == [first.id]
