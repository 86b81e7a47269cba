"""What is judged beside silence: work that does not move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from supervisor.domain.actions import Cause
from supervisor.domain.fleet import Modifier
from supervisor.domain.health import HealthState
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL


@asynccontextmanager
async def saying(t: VirtualTown, name: str, **keys: Any) -> AsyncIterator[None]:
    """Let an agent beat every five minutes with these keys."""

    async def beat() -> None:
        while True:
            t.beat(name, **keys)
            await t.sleep("5m")

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_stalled_agent_is_told_of_then_restarted_and_moves_again() -> None:
    async with town(a=agent(progress_timeout=1800.0)) as t:
        async with saying(t, "a", pending=5, progress={"seq": 7}):
            await t.until("31m")
            assert t.heard() == [(near(1800), "triggered", "a:stalled")]
            assert t.restarts("a") == []
            view = await t.view("a")
            assert (view.status, view.modifiers) == (HealthState.HEALTHY, (Modifier.STALLED,))
            message = t.channel().heard[0].delivery.message
            assert message["severity"] == "warning"
            evidence = message["evidence"]["progress"]
            assert (evidence["seq"], evidence["pending"]) == (7, 5)
            assert evidence["flat_since"].startswith("2026-05-28T20:26:40")
            await t.until("44m")
            assert not t.logged("heartbeat_missed")
            await t.until("45m30s")
            assert t.restarts("a") == [near(2700)]
            assert t.logged("restart_started")[0].reason == "no progress for 45 min, 5 pending"
        async with saying(t, "a", pending=4, progress={"seq": 8}):
            await t.until("47m")
            assert t.heard()[1:] == [(near(2730), "resolved", "a:stalled")]
            assert (await t.view("a")).modifiers == ()


async def test_a_stall_that_no_restart_ends_escalates() -> None:
    async with town(a=agent(None, progress_timeout=1800.0)) as t:
        async with saying(t, "a", pending=5, progress={"seq": 7}):
            await t.until("61m")
        assert [(round(at / 60), key) for at, _, key in t.heard()] == [(30, "a:stalled"), (60, "a:heartbeat")]
        assert (await t.view("a")).reason == "no progress for 1 h, 5 pending"


async def test_a_stall_outlives_the_supervisor_and_ends_with_the_agent() -> None:
    async with town(a=agent(None, progress_timeout=1800.0)) as t:
        async with saying(t, "a", pending=5, progress={"seq": 7}):
            await t.until("31m")
            await t.again()
            await t.until("44m")
            assert len(t.heard()) == 1
            await t.until("46m")
            assert len(t.logged("heartbeat_missed")) == 1
        t.agents = {"b": agent(None)}
        await t.reload()
        await t.sleep("1s")
        assert [kind for _, kind, _ in t.heard()] == ["triggered", "resolved"]
        assert Cause.STALLED not in await t.keys()


async def test_a_supervisor_that_finds_its_agent_gone_ends_its_incidents() -> None:
    async with town(a=agent(None, progress_timeout=1800.0)) as t:
        async with saying(t, "a", pending=5, progress={"seq": 7}):
            await t.until("31m")
        t.agents = {"b": agent(None)}
        await t.again()
        await t.sleep("1s")
        assert await t.keys() == set()
