"""What is judged beside silence: work that does not move, and what an agent uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from supervisor.domain.actions import Cause
from supervisor.domain.fleet import Modifier, Status
from supervisor.domain.gate import GatePolicy
from supervisor.domain.health import HealthState
from supervisor.domain.messages import utc
from supervisor.domain.policy import Expectation
from tests.support.machine import EPOCH
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
            assert t.logged("restart_started")[0].reason == "no progress since 2026-05-28 20:26:40 UTC, 5 pending"
        async with saying(t, "a", pending=4, progress={"seq": 8}):
            await t.until("47m")
            assert t.heard()[1:] == [(near(2730), "resolved", "a:stalled")]
            assert (await t.view("a")).modifiers == ()


async def test_a_stall_that_no_restart_ends_escalates() -> None:
    async with town(a=agent(None, progress_timeout=1800.0)) as t:
        async with saying(t, "a", pending=5, progress={"seq": 7}):
            await t.until("61m")
        assert [(round(at / 60), key) for at, _, key in t.heard()] == [(30, "a:stalled"), (60, "a:heartbeat")]
        assert (await t.view("a")).reason == "no progress since 2026-05-28 20:26:40 UTC, 5 pending"


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


async def test_work_that_does_not_appear_is_told_of_then_restarted_until_it_is_there() -> None:
    report = Path("/out/report.csv")
    async with town(a=agent(expects=(Expectation(str(report), 1800.0),))) as t:
        t.write(report, b"1")
        written = utc(t.wall())
        async with saying(t, "a"):
            await t.until("31m")
            assert t.heard() == [(near(1800), "triggered", "a:postcondition")]
            assert (await t.view("a")).modifiers == (Modifier.UNMET,)
            message = t.channel().heard[0].delivery.message
            assert (message["severity"], message["summary"]) == (
                "warning",
                "/out/report.csv was last written 2026-05-28 20:26:40 UTC, promised within 30 min",
            )
            assert message["evidence"]["postcondition"] == [
                {"path": "/out/report.csv", "newer_than_seconds": 1800.0, "last_written": written}
            ]
            await t.again()
            await t.until("46m")
            assert t.restarts("a") == [near(2700)]
            await t.until("52m")
            view = await t.view("a")
            assert (view.status, view.modifiers) == (HealthState.HEALTHY, (Modifier.UNMET,)), "it has its time again"
            t.write(report, b"2")
            await t.until("56m")
            assert t.heard()[1:] == [(near(3300), "resolved", "a:postcondition")]
            view = await t.view("a")
            assert (view.status, view.modifiers) == (HealthState.HEALTHY, ())


async def test_files_are_not_looked_at_more_often_than_it_needs() -> None:
    report = Path("/out/report.csv")
    async with town(a=agent(None, expects=(Expectation(str(report), 36000.0),))) as t:
        looks = t.files.looks
        async with saying(t, "a"):
            await t.until("5h")
        assert looks == ["/out/report.csv"]


async def test_a_check_looks_at_the_files_too() -> None:
    t = town(a=agent(None, expects=(Expectation("/out/report.csv", 1800.0),)))
    t.beat("a")
    await t.once()
    t.write(Path("/out/report.csv"), b"1")
    await t.sleep("31m")
    t.beat("a")
    fleet = await t.once()
    assert [incident.key for incident in fleet.incidents] == ["a:postcondition"]


async def test_an_agent_in_a_loop_is_told_of_then_restarted_and_gets_out_of_it() -> None:
    async with town(a=agent(loop_after=4)) as t:
        async with saying(t, "a", phase="working", progress={"note": "page 7"}, message="again"):
            await t.until("16m")
            assert t.heard() == [(near(900), "triggered", "a:loop")]
            message = t.channel().heard[0].delivery.message
            assert (message["severity"], message["summary"]) == ("warning", "the same work in 4 heartbeats in a row")
            assert message["evidence"]["loop"] == {"heartbeats": 4, "works_by_turns": 1, "last_note": "page 7"}
            assert (await t.view("a")).modifiers == (Modifier.LOOPING,)
            await t.again()
            await t.until("31m")
            assert t.restarts("a") == [near(1800)]
        async with saying(t, "a", phase="working", progress={"note": "page 8"}):
            await t.sleep("1m")
            assert [kind for _, kind, _ in t.heard()] == ["triggered", "resolved"]
            assert (await t.view("a")).modifiers == ()


async def test_an_agent_that_writes_at_its_work_is_not_restarted_yet() -> None:
    log = Path("/cache/activity.log")
    async with town(a=agent(activity=(str(log),))) as t:
        t.beat("a")
        await t.until("58m")
        t.write(log, b"1")
        await t.until("61m")
        refused = t.logged("restart_refused")[0]
        assert (refused.reason, refused.until) == ("activity", near(EPOCH + 63 * 60))
        assert refused.detail == "/cache/activity.log was last written 2 min ago"
        for _ in range(5):
            t.write(log, b"2")
            await t.sleep("3m")
        assert t.restarts("a") == [near(75 * 60)]
        assert [key for _, _, key in t.heard()] == ["a:heartbeat"]
        evidence = t.channel().heard[0].delivery.message["evidence"]["activity"]
        assert evidence["path"] == str(log)
        assert evidence["restart_deferred_since"].startswith("2026-05-28T21:26:40")


async def test_nobody_looks_at_what_an_agent_writes_before_a_restart_is_due() -> None:
    async with town(a=agent(activity=("/cache/activity.log",))) as t:
        looks = t.files.looks
        async with saying(t, "a"):
            await t.until("3h")
            assert looks == []
            t.beat("a", kind="fail")
            await t.sleep("1s")
            assert looks == ["/cache/activity.log"]


async def test_an_agent_that_uses_too_much_is_told_of_and_not_restarted() -> None:
    async with town(a=agent(max_cost_per_hour=Decimal(5))) as t:
        t.beat("a", usage={"cost": "20.00"})
        await t.until("30m")
        t.beat("a", usage={"cost": 25.5})
        await t.sleep("1s")
        assert t.heard() == [(near(1800), "triggered", "a:burn")]
        message = t.channel().heard[0].delivery.message
        assert (message["severity"], message["summary"]) == ("critical", "cost of 5.50 in an hour, 5 allowed")
        assert message["evidence"]["last_hour"] == {"cost": "5.50", "tokens": 0.0}
        fleet = await t.control.fleet()
        assert (fleet.status, fleet.agents[0].status) == (Status.CRITICAL, HealthState.HEALTHY)
        await t.until("59m")
        await t.again()
        t.beat("a", usage={"cost": "25.50"})
        await t.until("91m")
        assert t.heard()[1:] == [(near(5400), "resolved", "a:burn")]
        assert t.restarts("a") == []


async def test_an_agent_that_flaps_is_told_of_once_and_left_alone() -> None:
    async with town(a=agent("managed", restart={"max_restarts": 99, "backoff": 0.0})) as t:
        t.program("a").after = lambda: t.beat("a")
        await t.sleep("1m")
        for _ in range(6):
            t.program("a").die(1)
            await t.sleep("10m")
        began = len(t.restarts("a")) - 1
        assert began == 3
        assert [key for _, _, key in t.heard()] == ["a:flapping"]
        evidence = t.channel().heard[0].delivery.message["evidence"]["flapping"]
        assert evidence == {"percent": 34, "changes": 6}
        assert (await t.view("a")).modifiers == (Modifier.FLAPPING,)
        assert [record.reason for record in t.logged("restart_refused")] == ["flapping"]
        await t.again()
        assert (await t.view("a")).modifiers[-1:] == (Modifier.FLAPPING,)


async def test_a_child_waits_for_its_parent_and_is_then_judged_anew() -> None:
    async with town(a=agent(), database=agent(None), gate=GatePolicy(share=2.0)) as t:
        t.agents["a"] = agent(depends_on=("database",))
        await t.reload()
        t.beat("database")
        await t.until("5m")
        t.beat("a")
        await t.until("95m")
        assert [key for _, _, key in t.heard()] == ["database:heartbeat"]
        assert t.restarts("a") == []
        view = await t.view("a")
        assert (view.status, view.consecutive_misses) == (HealthState.UNHEALTHY, 2)
        assert view.reason == "no heartbeat for 1 h 15 min; it depends on database, which is down"
        t.beat("database")
        await t.sleep("1s")
        assert (await t.view("a")).reason == "judged anew: database is down no more"
        await t.until("111m")
        assert t.restarts("a") == [near(95 * 60 + 900)]
        t.beat("a")
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.HEALTHY
        assert {key for _, _, key in t.heard()} == {"database:heartbeat"}


async def test_who_falls_silent_with_those_it_depends_on_is_not_restarted_whoever_is_judged_first() -> None:
    # Two of five: they are not the fleet.
    others = {name: agent(None) for name in "xyz"}
    async with town(a=agent(depends_on=("database",)), database=agent(), **others) as t:
        t.beat("a", "database", "x", "y", "z")
        await t.until("30m")
        t.beat("x", "y", "z")
        await t.until("61m")
        assert len(t.restarts("database")) == 1
        assert t.restarts("a") == []
        assert t.logged("restart_refused", agent="a", reason="parent_down")
        t.beat("database")
        await t.sleep("1s")
        assert (await t.view("a")).consecutive_misses == 0


async def test_a_child_is_judged_anew_after_a_parent_that_was_only_late() -> None:
    others = {name: agent(None) for name in "xyz"}
    async with town(a=agent(depends_on=("database",)), database=agent(), **others) as t:
        t.beat("a", "database", "x", "y", "z")
        await t.until("59m59s")
        t.beat("database", "x", "y", "z")
        await t.until("62m")
        assert len(t.restarts("a")) == 1
