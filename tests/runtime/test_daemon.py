"""One pass without a daemon, and a look that judges nothing."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.domain.fleet import Fleet, Status
from supervisor.domain.vitals import HealthState
from supervisor.runtime.brief import BriefDaemon
from tests.support.faults import FaultyStore
from tests.support.world import VIRTUAL, VirtualTown, agent, town

pytestmark = VIRTUAL


def life(t: VirtualTown) -> BriefDaemon:
    """Return a daemon that nobody has begun to run."""
    t._store = FaultyStore(t.disk)
    return BriefDaemon(t.plan(), t._world(t._store))


async def once(t: VirtualTown, *names: str) -> Fleet:
    return await life(t).once(names)


async def test_an_agent_that_never_beat_is_escalated_and_told_of() -> None:
    t = town(a=agent(None))
    fleet = await once(t)
    assert fleet.status is Status.CRITICAL
    assert fleet.agents[0].status is HealthState.ESCALATED
    assert t.channel().kinds() == ["triggered"]
    fleet = await once(t)
    assert fleet.status is Status.CRITICAL
    assert t.channel().kinds() == ["triggered"]


async def test_a_fresh_beat_is_healthy() -> None:
    t = town(a=agent(None))
    t.beat("a")
    fleet = await once(t)
    assert (fleet.status, fleet.observed) == (Status.OK, True)
    await asyncio.sleep(3601)
    assert (await once(t)).status is Status.WARNING
    await asyncio.sleep(901)
    assert (await once(t)).status is Status.CRITICAL
    t.beat("a")
    assert (await once(t)).status is Status.OK
    assert t.channel().kinds() == ["triggered", "resolved"]


async def test_a_pass_waits_for_the_restart_that_it_begins() -> None:
    t = town(a=agent())
    t.beat("a")
    await asyncio.sleep(3601)
    await once(t)
    assert [effect.ended is not None for effect in t.program("a").effects] == [True]
    assert len(t.logged("restart_finished")) == 1


async def test_half_of_the_agents_in_silence_are_no_doubt_for_one_pass() -> None:
    t = town(a=agent(), b=agent(), c=agent(), d=agent())
    t.beat("a", "b", "c", "d")
    await once(t)
    await asyncio.sleep(1800)
    t.beat("c", "d")
    await asyncio.sleep(1801)
    fleet = await once(t)
    assert (fleet.status, fleet.observed, fleet.incidents) == (Status.WARNING, True, ())
    assert [len(t.restarts(name)) for name in "abcd"] == [1, 1, 0, 0]
    await asyncio.sleep(901)
    fleet = await once(t)
    assert {incident.key for incident in fleet.incidents} == {"a:heartbeat", "b:heartbeat"}
    assert t.channel().kinds() == ["triggered", "triggered"]


async def test_a_pass_waits_for_no_channel_for_ever() -> None:
    t = town(a=agent(None), outbox_timeout=600.0)
    t.channel().takes = 3600.0
    began = asyncio.get_running_loop().time()
    assert (await once(t)).status is Status.CRITICAL
    assert asyncio.get_running_loop().time() - began == pytest.approx(60, abs=1)


async def test_a_pass_leaves_the_agents_that_we_run_alone() -> None:
    t = town(a=agent("managed"))
    t.program("a").running = True
    t.beat("a")
    await once(t)
    assert t.program("a").running
    assert t.program("a").closed == 0


async def test_a_pass_over_a_few_leaves_the_others_as_they_are() -> None:
    t = town(a=agent(None), b=agent(None))
    await once(t)
    t.agents.pop("b")
    fleet = await once(t)
    assert [view.name for view in fleet.agents] == ["a"]
    saved = await t.disk.store.open()
    assert set(saved.agents) == {"a", "b"}
    assert {incident.key for incident in saved.incidents} == {"a:heartbeat", "b:heartbeat"}


async def test_a_look_judges_nothing() -> None:
    t = town(a=agent(None))
    t.beat("a")
    await asyncio.sleep(7200)
    assert await life(t).look()
    (fleet,) = t.pages
    assert fleet.agents[0].last_heartbeat is not None
    assert t.logged("heartbeat_missed") == []
    assert t.channel().tries == []


async def test_a_pass_that_fails_closes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    t = town(a=agent(None))
    daemon = life(t)

    async def broken(agents: object) -> Fleet:
        raise ValueError("bug")

    monkeypatch.setattr(daemon.control, "check", broken)
    with pytest.raises(ExceptionGroup) as caught:
        await daemon.once([])
    assert caught.group_contains(ValueError)
    assert t.channel().closed == 1
    assert (await once(t)).status is Status.CRITICAL


async def test_old_history_is_pruned() -> None:
    async with town(a=agent(None), retention=86400.0) as t:
        t.beat("a")
        await t.until("76m")
        beating = asyncio.create_task(t.beating("a"))
        await t.until("20h")
        assert len(await t.control.incidents()) == 1
        await t.until("27h")
        assert (await t.control.incidents()) == []
        assert [row.event for row in await t.control.rows(limit=100_000)].count("incident_opened") == 0
        beating.cancel()
        await asyncio.wait({beating})


async def test_who_is_never_up_for_an_hour_keeps_house_too() -> None:
    async with town(a=agent(None), retention=86400.0) as t:
        t.beat("a")
        await t.until("76m")
        beating = asyncio.create_task(t.beating("a"))
        for _ in range(40):
            await t.sleep("50m")
            await t.again()
        assert (await t.control.incidents()) == []
        beating.cancel()
        await asyncio.wait({beating})


async def test_a_short_retention_is_kept_house_for_in_time() -> None:
    async with town(a=agent(None), retention=600.0) as t:
        t.beat("a")
        await t.until("76m")
        t.beat("a")
        await t.sleep("1m")
        assert len(await t.control.incidents()) == 1
        await t.sleep("11m")
        assert (await t.control.incidents()) == []


async def test_what_is_left_of_others_than_the_watched_is_cleared_after_the_retention() -> None:
    async with town(a=agent(None), b=agent(None), retention=86400.0) as t:
        t.beat("a", "b")
        await t.until("10m")
        del t.agents["b"]
        await t.reload()
        await t.until("66m")
        assert t.cleared == [(300.0, ["a", "b"], 300.0 - 86400.0), (3900.0, ["a"], 3900.0 - 86400.0)]
