"""Agents that run by a schedule: awaited at its times, through restarts, sleeps and clocks that are set."""

from __future__ import annotations

from datetime import UTC, datetime

from supervisor.domain.health import HealthState
from supervisor.formats.cron import schedule
from tests.support.machine import EPOCH
from tests.support.world import VIRTUAL, AgentScript, agent, near, town

pytestmark = VIRTUAL

AT_NINE = datetime(2026, 5, 28, 21, tzinfo=UTC).timestamp() - EPOCH
"""21:00 UTC on the town's clock: 2000 s after it begins, at 20:26:40."""


def hourly(kind: str | None = "command", **promises: object) -> AgentScript:
    return agent(kind, schedule=schedule("0 * * * *", "America/Bogota", 900.0), **promises)


async def test_a_run_that_does_not_come_is_restarted_then_escalated_and_its_next_one_ends_it() -> None:
    async with town(a=hourly(None)) as t:
        view = await t.view("a")
        assert view.schedule is not None
        assert (view.schedule.next_run, view.heartbeat_timeout) == (EPOCH + AT_NINE, None)
        await t.until(f"{AT_NINE + 5:.0f}s")
        t.beat("a", kind="start")
        await t.sleep("1m")
        t.beat("a")
        await t.sleep("1h10m")
        assert (await t.view("a")).status is HealthState.HEALTHY
        await t.sleep("4m")
        view = await t.view("a")
        assert (view.status, view.reason) == (HealthState.UNHEALTHY, "its run is 15 min late")
        await t.until(f"{AT_NINE + 2 * 3600:.0f}s")
        assert t.heard() == [(near(AT_NINE + 3600 + 1800), "triggered", "a:heartbeat")]
        t.beat("a", kind="start")
        await t.sleep("1s")
        view = await t.view("a")
        assert (view.status, view.due) == (HealthState.ESCALATED, near(EPOCH + AT_NINE + 3 * 3600 + 900))
        t.beat("a")
        await t.sleep("1s")
        assert [kind for _, kind, _ in t.heard()] == ["triggered", "resolved"]


async def test_a_run_that_does_not_end_is_restarted() -> None:
    async with town(a=hourly(max_runtime=600.0)) as t:
        await t.until(f"{AT_NINE:.0f}s")
        t.beat("a", kind="start")
        await t.sleep("11m")
        assert t.restarts("a") == [near(AT_NINE + 600)]
        assert t.logged("restart_started")[0].reason == "its run has not ended in 10 min"
        t.beat("a", kind="start")
        await t.sleep("1m")
        t.beat("a", kind="stop")
        await t.sleep("1h")
        assert (await t.view("a")).status is HealthState.HEALTHY
        assert t.heard() == []


async def test_what_was_awaited_is_awaited_by_the_next_life_too() -> None:
    async with town(a=hourly(None)) as t:
        t.beat("a")
        await t.until("10m")
        await t.again()
        assert (await t.view("a")).due == EPOCH + AT_NINE + 900
        await t.until(f"{AT_NINE + 901:.0f}s")
        assert (await t.view("a")).status is HealthState.UNHEALTHY


async def test_a_machine_that_sleeps_through_a_run_blames_nobody() -> None:
    async with town(a=hourly(None)) as t:
        t.beat("a")
        await t.until("10m")
        t.suspend("2h")
        await t.sleep("2m")
        view = await t.view("a")
        assert (view.status, view.due) == (HealthState.HEALTHY, EPOCH + AT_NINE + 2 * 3600 + 900)


async def test_a_clock_that_is_set_moves_no_run() -> None:
    async with town(a=hourly(None)) as t:
        t.beat("a")
        await t.until("5m")
        t.step_clock(600.0)
        await t.sleep("2m")
        assert (await t.view("a")).due == EPOCH + AT_NINE + 900
        assert t.logged("heartbeat_missed") == []


async def test_a_reboot_awaits_the_next_run() -> None:
    async with town(a=hourly(None)) as t:
        t.beat("a")
        await t.until("10m")
        await t.kill()
        await t.sleep("1h")
        t.boot = "boot-2"
        await t.start()
        await t.sleep("1m")
        assert (await t.view("a")).due == EPOCH + AT_NINE + 3600 + 900


async def test_a_schedule_of_an_agent_changes_with_a_reload() -> None:
    async with town(a=hourly(None)) as t:
        t.beat("a")
        await t.sleep("1s")
        t.agents["a"] = agent(None)
        assert (await t.reload())["changed"] == ["a"]
        assert (await t.reload())["changed"] == []
        await t.sleep("1s")
        view = await t.view("a")
        assert (view.due, view.schedule) == (near(EPOCH + 3600), None)
