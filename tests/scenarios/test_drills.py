"""A drill on a supervisor that is at work: watched as any agent, and no business of anybody."""

from __future__ import annotations

import asyncio
import errno

import pytest

from supervisor.domain.drills import PROMISES
from supervisor.domain.fleet import AgentView, Status
from supervisor.domain.health import HealthState
from supervisor.ports import RefusedError, UnknownNameError
from tests.support.machine import EPOCH
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

ALL = ("drill-00000001", "drill-00000002")
ONE = ALL[0]


async def seen(t: VirtualTown, name: str = ONE) -> AgentView:
    (view,) = (await t.control.fleet((name,))).agents
    return view


async def begun(t: VirtualTown, seconds: float = 60.0) -> float:
    """Begin a drill when all is quiet; return when."""
    await t.sleep("1m")
    at = t.t
    drill = await t.control.begin_drill(seconds, "ann")
    assert drill.until == near(EPOCH + at + seconds)
    assert drill.agent in ALL
    return at


async def test_its_agent_is_judged_as_any_other_and_nobody_hears_of_it() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await begun(t)
        t.beat(ONE)
        at = t.t
        await t.sleep("5s")
        assert (await seen(t)).status is HealthState.ESCALATED
        late = PROMISES.heartbeat_timeout
        assert t.times("heartbeat_missed", agent=ONE) == [near(at + late), near(at + late + PROMISES.check_interval)]
        t.beat(ONE, kind="fail")
        await t.sleep("1s")
        t.beat(ONE)
        await t.sleep("1s")
        assert (await seen(t)).status is HealthState.HEALTHY
        await t.control.end_drill(ONE)
        await t.sleep("2h")
        assert ONE not in str(t.logged("incident_opened"))
        assert {key for _, _, key in t.heard()} == {"a:heartbeat"}


async def test_it_is_in_no_picture_and_no_metric() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await begun(t)
        t.beat(ONE)
        await t.sleep("5s")
        fleet = await t.control.check()
        assert [view.name for view in fleet.agents] == ["a"]
        assert fleet.status is Status.OK
        assert (await t.control.readings()).fleet.agents == fleet.agents
        assert ONE not in (await t.control.dashboard()).decode()
        assert fleet.unregistered == ()
        assert {fields["STATUS"] for fields in t.watchdog.told if "STATUS" in fields} <= {
            "starting",
            "1 agent: 1 unknown; no incident",
            "1 agent: 1 healthy; no incident",
        }


async def test_it_counts_for_nothing_at_the_gate() -> None:
    async with town(a=agent(heartbeat_timeout=3600.0), b=agent(None, heartbeat_timeout=7200.0)) as t:
        t.beat("a", "b")
        await t.until("59m57s")
        await t.control.begin_drill(60.0, "ann")
        t.beat(ONE)
        await t.sleep("10s")
        assert len(t.logged("heartbeat_missed", agent="a")) == 1, "two of three would be the fleet's silence"
        assert not t.logged("gate_closed", reason="fleet_silent")
        t.remove(t.place(ONE))
        t.remove(t.place("a"))
        await t.sleep("1m")
        assert not t.logged("gate_closed", reason="files_vanished")


async def test_nothing_is_left_of_it() -> None:
    async with town(a=agent(), discover=True) as t:
        t.beat("a")
        await begun(t)
        t.beat(ONE)
        await t.sleep("3s")
        await t.control.end_drill(ONE)
        assert not t.files.tail(t.place(ONE), 100)
        t.beat(ONE)  # a last line, written too late
        await t.sleep("1m")
        assert [view.name for view in (await t.control.fleet()).agents] == ["a"]
        assert not t.logged("unregistered_agent", agent=ONE)
        (over,) = t.logged("agent_forgotten")
        assert (over.agent, over.reason) == (ONE, "the drill is over")
        assert sorted((await t.disk.store.open()).agents) == ["a"]
        with pytest.raises(UnknownNameError, match="no drill"):
            await t.control.end_drill(ONE)


@pytest.mark.parametrize("step", [0.0, 7200.0, -7200.0])
async def test_whoever_began_it_may_vanish(step: float) -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        at = await begun(t, 10.0)
        t.beat(ONE)
        t.step_clock(step)  # no clock makes it longer, or shorter
        await t.sleep("12s")
        assert t.times("agent_forgotten", agent=ONE) == [near(at + 10.0)]
        assert not t.files.tail(t.place(ONE), 100)


async def test_there_is_one_at_a_time() -> None:
    async with town(a=agent()) as t:
        await begun(t, 30.0)
        with pytest.raises(RefusedError, match=f"a drill is under way: {ONE}"):
            await t.control.begin_drill(30.0, "ben")
        await t.sleep("20s")
        await t.control.end_drill(ONE)
        assert (await t.control.begin_drill(30.0, "ben")).agent == ALL[1]
        await t.sleep("20s")
        assert not t.logged("agent_forgotten", agent=ALL[1]), "the first one's time is not the second one's"
        await t.sleep("11s")
        assert t.logged("agent_forgotten", agent=ALL[1])


async def test_an_end_that_meets_its_time_is_one_end() -> None:
    async with town(a=agent()) as t:
        await begun(t, 10.0)
        await asyncio.sleep(10.0)
        with pytest.raises(UnknownNameError):
            await asyncio.gather(t.control.end_drill(ONE), t.control.end_drill(ONE))
        await t.sleep("1s")
        assert len(t.logged("agent_forgotten")) == 1
        assert (await t.control.begin_drill(10.0, "ann")).agent == ALL[1]


async def test_a_configured_agent_keeps_its_name() -> None:
    async with town(**{ONE: agent(None)}) as t:
        t.beat(ONE)
        await t.sleep("1m")
        with pytest.raises(RefusedError, match="is an agent"):
            await t.control.begin_drill(10.0, "ann")
        await t.control.begin_drill(10.0, "ann")
        await t.sleep("11s")
        assert (await seen(t)).status is HealthState.HEALTHY
        assert t.files.tail(t.place(ONE), 100)


@pytest.mark.parametrize("discover", [False, True])
async def test_a_reload_leaves_it_alone_and_a_restart_ends_it(discover: bool) -> None:
    async with town(a=agent(), discover=discover) as t:
        await begun(t)
        t.beat(ONE)
        await t.sleep("1s")
        t.agents["b"] = agent()
        assert (await t.reload()) == {"added": ["b"], "changed": [], "removed": []}
        assert (await seen(t)).status is HealthState.HEALTHY
        await t.sleep("5s")
        await t.again()
        await t.sleep("1m")
        assert sorted(view.name for view in (await t.control.fleet()).agents) == ["a", "b"]
        assert ONE not in (await t.disk.store.open()).agents
        assert not t.files.tail(t.place(ONE), 100)
        assert not t.logged("incident_opened", agent=ONE)
        assert not t.logged("unregistered_agent", agent=ONE)
        assert len(t.logged("agent_forgotten", agent=ONE)) == 1
        t.beat(ONE)
        await t.again()
        await t.sleep("1m")
        assert t.logged("unregistered_agent", agent=ONE), "whoever is called so now is no drill's"


async def test_a_restart_leaves_alone_who_is_configured_by_now() -> None:
    async with town(a=agent()) as t:
        await begun(t)
        t.beat(ONE)
        await t.sleep("1s")
        t.agents[ONE] = agent()
        await t.again()
        await t.sleep("3m")
        assert (await seen(t)).status is HealthState.HEALTHY
        assert t.files.tail(t.place(ONE), 100)


@pytest.mark.parametrize("discover", [False, True])
async def test_whoever_is_called_like_a_drill_and_is_none_is_met_as_any_other(discover: bool) -> None:
    async with town(a=agent(), discover=discover) as t:
        t.beat("drill-deadbeef")
        await t.sleep("1m")
        assert t.logged("unregistered_agent", agent="drill-deadbeef", adopted=discover)
        assert (await t.control.fleet()).unregistered == (() if discover else ("drill-deadbeef",))
        await t.again()
        await t.sleep("1m")
        assert [view.name for view in (await t.control.fleet()).agents] == ["a", *(["drill-deadbeef"] * discover)]
        assert not t.logged("agent_forgotten")


async def test_files_that_can_not_be_removed_keep_nobody_from_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with town(a=agent()) as t:
        remove = t.daemon._drills._remove_beats

        async def refuse(_: str) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        await begun(t)
        t.beat(ONE)
        monkeypatch.setattr(t.daemon._drills, "_remove_beats", refuse)
        with pytest.raises(PermissionError):
            await t.control.end_drill(ONE)
        assert (await t.control.begin_drill(10.0, "ben")).agent == ALL[1]
        await t.sleep("11s")
        monkeypatch.setattr(t.daemon._drills, "_remove_beats", remove)
        await t.sleep("1m")
        assert (await t.control.begin_drill(10.0, "ann")).agent not in ALL
        assert not t.logged("unregistered_agent")
