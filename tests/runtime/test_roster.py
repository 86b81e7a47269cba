"""Which agents are watched, and by which coroutines."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from supervisor.domain.gate import Blinded
from supervisor.ports import UnknownNameError
from supervisor.runtime.roster import plans_differ
from tests.support.world import VIRTUAL, VirtualTown, agent, town

pytestmark = VIRTUAL


def coroutines(t: VirtualTown) -> set[str]:
    names = {task.get_name() for task in asyncio.all_tasks()}
    return {name for name in names if name.partition(":")[0] in {"agent", "keeper", "restart", "channel"}}


async def test_each_agent_has_one_coroutine_and_ours_to_run_two() -> None:
    async with town(a=agent(), b=agent("managed"), c=agent(None)) as t:
        await t.sleep("1m")
        assert coroutines(t) == {"agent:a", "agent:b", "keeper:b", "agent:c", "channel:caine"}


async def test_nothing_is_left_of_who_is_removed_or_changed() -> None:
    async with town(a=agent(), b=agent("managed"), c=agent()) as t:
        t.program("c").takes = 1e6
        await t.sleep("1m")
        await t.control.restart("c", "me")
        await t.sleep("1m")
        assert "restart:c" in coroutines(t)
        t.agents = {"b": agent()}
        await t.reload()
        await t.sleep("1s")
        assert coroutines(t) == {"agent:b", "channel:caine"}
        assert [one.name for one in t.daemon.roster] == ["b"]
        with pytest.raises(UnknownNameError, match="no agent a"):
            t.daemon.roster.get("a")
        assert len(t.daemon.roster) == t.daemon.gate.fleet == 1


async def test_nothing_is_left_after_the_end() -> None:
    before = asyncio.all_tasks()
    t = town(a=agent(), b=agent("managed"))
    await t.start()
    await t.sleep("1m")
    await t.stop()
    for program in t.programs.values():
        await program.end()
    assert asyncio.all_tasks() == before


async def test_a_restarter_can_be_given_and_taken() -> None:
    async with town(a=agent(None)) as t:
        t.agents["a"] = agent()
        await t.reload()
        await t.control.restart("a", "me")
        await t.sleep("1m")
        t.agents["a"] = agent("managed")
        await t.reload()
        await t.sleep("10s")
        assert coroutines(t) == {"agent:a", "keeper:a", "channel:caine"}


async def test_only_a_difference_is_one() -> None:
    t = town(a=agent(), b=agent(), c=agent())
    plans = t.plan().agents
    assert plans_differ(plans, t.plan().agents) == {"added": [], "changed": [], "removed": []}
    t.agents["a"] = replace(t.agents["a"], variant=1)
    t.agents["b"] = agent(heartbeat_timeout=1.0)
    t.agents["d"] = t.agents.pop("c")
    assert plans_differ(plans, t.plan().agents) == {"added": ["d"], "changed": ["a", "b"], "removed": ["c"]}


async def test_when_the_gate_opens_only_who_waited_for_it_is_woken() -> None:
    async with town(a=agent(None), b=agent(None)) as t:
        t.beat("a")
        await t.until("30m")
        t.beat("b")
        t.daemon.gate.tell(Blinded("x"))
        await t.until("61m")
        t.daemon.roster.gate_opened()
        assert [bool(one._mailbox) for one in t.daemon.roster] == [True, False]
