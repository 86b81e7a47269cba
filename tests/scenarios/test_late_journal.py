"""The journal can not be opened when a life begins, and is well later: what it held is not lost, nor done again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from supervisor.domain.delivery import Failed
from supervisor.domain.health import HealthState
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL


@asynccontextmanager
async def blind(t: VirtualTown, length: str = "3s") -> AsyncIterator[None]:
    """Begin a life that can not open its journal; it can once the block is left."""
    await t.kill()
    t.disk.failing = True
    await t.start()
    await t.sleep(length)
    yield
    t.disk.failing = False
    await t.sleep("20s")
    assert len(t.logged("journal_restored")) == 1


async def open_incidents(t: VirtualTown) -> dict[str, str]:
    """Return the ids of the open incidents, as the daemon and as its journal know them, by their keys."""
    fleet = await t.control.fleet()
    known = {one.key: one.id for one in fleet.incidents}
    saved = await t.disk.store.open()
    assert {one.key: one.id for one in saved.incidents if one.resolved_at is None} == known
    return known


async def test_what_people_asked_for_and_what_was_open_comes_back() -> None:
    async with town(a=agent(None), b=agent(), chain=(("caine", "0s"), ("person", "5m"))) as t:
        t.beat("a")
        await t.control.hold("b", 36000.0, "me")
        await t.control.silence("z*", 36000.0, "me", "move")
        await t.until("30m")
        t.beat("b")
        await t.until("75m10s")
        before = await open_incidents(t)
        await t.control.acknowledge(before["a:heartbeat"], "me", 7200.0)
        async with blind(t):
            assert await t.keys() == set()
        assert await open_incidents(t) == before
        (incident,) = (await t.control.fleet()).incidents
        assert incident.acked_by == "me"
        assert (await t.view("a")).consecutive_misses == 2
        assert "held" in (await t.view("b")).modifiers
        assert [silence.matcher for silence in t.control.silences().kept] == ["z*"]
        await t.until("89m")
        assert (await t.view("a")).status is HealthState.ESCALATED
        t.beat("b")
        await t.until("120m")
        assert t.channel("caine").kinds() == ["triggered"]
        assert t.channel("person").kinds() == []
        assert t.restarts("b") == []
        t.beat("a")
        await t.sleep("1s")
        assert t.channel("caine").kinds() == ["triggered", "resolved"]
        await t.again()
        await t.sleep("1m")
        assert t.channel("caine").kinds() == ["triggered", "resolved"]
        assert t.daemon.desk.deliveries == {}


async def test_an_incident_that_was_opened_twice_goes_on_as_one() -> None:
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "5m"))) as t:
        t.beat("a")
        await t.until("75m1s")
        before = await open_incidents(t)
        async with blind(t, "25m"):
            (double,) = (await t.control.fleet()).incidents
            assert double.id not in before.values()
            await t.control.acknowledge(double.id, "you", 36000.0)
        assert await open_incidents(t) == before
        (incident,) = (await t.control.fleet()).incidents
        assert (incident.acked_by, incident.told) == ("you", ("caine", "person"))
        over = t.logged("incident_resolved")
        assert [(one.incident, one.summary) for one in over] == [(double.id, f"it goes on as incident {incident.id}")]
        told = [said.delivery.incident for said in t.channel("person").heard if said.kind == "resolved"]
        assert told == [double.id]
        await t.until("3h")
        assert (await t.view("a")).consecutive_misses > 4
        t.beat("a")
        await t.sleep("1s")
        assert await open_incidents(t) == {}
        for channel in ("caine", "person"):
            last = t.channel(channel).heard[-1]
            assert (last.kind, last.delivery.incident) == ("resolved", incident.id)


@pytest.mark.parametrize("length", ["3s", "2h"])
async def test_who_recovered_in_the_dark_gets_the_end(length: str) -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("76m")
        (id_,) = (await open_incidents(t)).values()
        async with blind(t):
            t.beat("a")
            await t.sleep("30m")
        assert await open_incidents(t) == {}
        assert [said.delivery.incident for said in t.channel().heard] == [id_, id_]
        assert t.channel().kinds() == ["triggered", "resolved"]
        assert (await t.view("a")).status is HealthState.HEALTHY
        assert (await t.view("a")).restarts == 2


async def test_what_was_not_sent_is_sent() -> None:
    async with town(a=agent(None)) as t:
        t.channel().usually = Failed("down")
        t.beat("a")
        await t.until("76m")
        async with blind(t):
            t.channel().usually = type(t.channel())().usually
            assert t.channel().heard == []
        await t.sleep("5m")
        assert t.channel().kinds() == ["triggered"]
        assert t.daemon.desk.deliveries == {}


async def test_a_channel_that_is_gone_by_then_is_waited_for_no_longer() -> None:
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "5m"))) as t:
        t.channel().usually = Failed("down")
        t.beat("a")
        await t.until("75m30s")
        del t.channel_variants["caine"]
        async with blind(t):
            pass
        await t.sleep("1s")
        assert t.channel("person").kinds() == ["triggered"]
        assert t.daemon.desk.deliveries == {}


async def test_backoff_and_intensity_of_both_lives_count() -> None:
    async with town(a=agent(restart={"max_restarts": 3, "window": 1e6, "slow_interval": 1e6})) as t:
        t.beat("a")
        await t.until("78m")
        assert len(t.restarts("a")) == 2
        async with blind(t, "40s"):
            assert len(t.restarts("a")) == 3
        assert (await t.view("a")).restarts == 3
        await t.until("6h")
        assert len(t.restarts("a")) == 3
        assert "exhausted" in (await t.view("a")).modifiers
        assert len({effect.attempt for effect in t.program("a").effects}) == 3


async def test_a_restart_that_was_under_way_is_joined() -> None:
    async with town(a=agent()) as t:
        t.program("a").takes = 60.0
        t.beat("a")
        await t.until("60m10s")
        async with blind(t):
            pass
        await t.until("62m")
        assert t.restarts("a") == [near(3600)]
        assert len(t.logged("restart_finished")) == 1


async def test_adopted_agents_stay_adopted_and_removed_ones_are_forgotten() -> None:
    async with town(a=agent(None), discover=True) as t:
        t.beat("a", "new")
        await t.until("76m")
        t.files.remove(t.place("new"))
        del t.agents["a"]
        t.files.remove(t.place("a"))
        async with blind(t):
            assert [view.name for view in (await t.control.fleet()).agents] == []
        assert [view.name for view in (await t.control.fleet()).agents] == ["a", "new"]
    async with town(a=agent(None), b=agent(None)) as t:
        t.beat("a")
        await t.until("30m")
        t.beat("b")
        await t.until("76m")
        del t.agents["a"]
        async with blind(t):
            pass
        assert await open_incidents(t) == {}
        assert set((await t.disk.store.open()).agents) == {"b"}
        assert [said.delivery.message["key"] for said in t.channel().heard if said.kind == "resolved"] == [
            "a:heartbeat"
        ]


async def test_the_fleets_incident_is_over_when_nobody_is_silent() -> None:
    async with town(**{name: agent(None) for name in "abc"}) as t:
        t.beat("a", "b", "c")
        await t.until("72m")
        assert "fleet:silent" in await t.keys()
        async with blind(t):
            t.beat("a", "b", "c")
            await t.sleep("1m")
        assert await open_incidents(t) == {}


async def test_the_times_of_a_clock_that_was_set_back_move() -> None:
    async with town(a=agent(None), b=agent()) as t:
        await t.control.hold("b", 3600.0, "me")
        await t.control.silence("z", 3600.0, "me", "move")
        t.beat("a", "b")
        await t.sleep("10m")
        await t.kill()
        t.step_clock(-36000.0)
        t.disk.failing = True
        await t.start()
        t.disk.failing = False
        await t.sleep("10s")
        (silence,) = t.control.silences().kept
        assert silence.ends_at == near(t.wall() + 3600 - 610)
        assert (await t.view("b")).held_until == near(t.wall() + 3600 - 610)
        assert (await t.disk.store.open()).silences == (silence,)


async def test_after_a_reboot_agents_have_their_start_period() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("10m")
        t.files.remove(t.place("a"))
        await t.kill()
        await t.sleep("4h")
        t.disk.failing, t.boot = True, "boot-2"
        await t.start()
        t.disk.failing = False
        await t.sleep("14m")
        assert t.restarts("a") == []
        await t.sleep("2m")
        assert len(t.restarts("a")) == 1


async def test_it_is_taken_over_once_whatever_the_store_does_next() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("75m10s")
        before = await open_incidents(t)
        async with blind(t, "20m"):
            t.disk.fail_commits = {t.disk.commits + 1, t.disk.commits + 2}
        assert t.disk.commits > max(t.disk.fail_commits)
        assert await open_incidents(t) == before
        assert len(t.logged("incident_resolved")) == 1
        t.beat("a")
        await t.again()
        await t.sleep("1s")
        assert await open_incidents(t) == {}
        ends = [said.delivery.incident for said in t.channel().heard if said.kind == "resolved"]
        assert len(ends) == len(set(ends)) == 2
