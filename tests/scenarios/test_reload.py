"""A changed configuration is put in force without losing what is known."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from supervisor.domain.delivery import Failed
from supervisor.domain.gate import GatePolicy
from supervisor.domain.health import HealthState
from supervisor.domain.policy import Chain, Step
from supervisor.ports import RefusedError
from tests.support.world import CONFIG, VIRTUAL, agent, near, town

pytestmark = VIRTUAL


async def test_agents_are_added_changed_and_removed() -> None:
    async with town(a=agent(), b=agent(), c=agent(None)) as t:
        t.beat("a", "b", "c")
        await t.until("30m")
        t.agents = {"a": t.agents["a"], "b": agent(heartbeat_timeout=2700.0), "d": agent()}
        t.beat("d")
        assert await t.reload() == {"added": ["d"], "changed": ["b"], "removed": ["c"]}
        await t.until("44m")
        assert t.restarts("b") == []
        await t.until("46m")
        assert t.restarts("b") == [near(2700)]
        assert (await t.view("d")).status is HealthState.HEALTHY
        await t.until("61m")
        assert t.restarts("a") == [near(3600)]
        assert not t.logged("heartbeat_missed", agent="c")
        assert len(t.logged("config_reloaded")) == 1


async def test_how_the_api_is_served_follows_the_configuration() -> None:
    async with town(a=agent()) as t:
        t.http = "a port"
        await t.reload()
        t.http = None
        await t.reload()
        assert t.served == [None, "a port", None]
        assert len(t.logged("config_reloaded")) == 2


async def test_a_reload_keeps_misses_incidents_and_holds() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("80m")
        await t.control.hold("a", 7200.0, "me")
        t.agents["a"] = agent(None, heartbeat_timeout=1800.0)
        await t.reload()
        await t.sleep("1m")
        view = await t.view("a")
        assert (view.status, view.consecutive_misses) == (HealthState.ESCALATED, 2)
        assert "held" in view.modifiers
        assert len(t.channel().heard) == 1


async def test_the_end_of_a_removed_agents_incident_is_told() -> None:
    async with town(a=agent(None), b=agent(None)) as t:
        t.beat("a")
        await t.until("30m")
        t.beat("b")
        await t.until("76m")
        del t.agents["a"]
        await t.reload()
        await t.sleep("1s")
        assert t.channel().kinds() == ["triggered", "resolved"]
        await t.again()
        await t.sleep("1m")
        assert t.channel().kinds() == ["triggered", "resolved"]


async def test_another_restarter_while_a_restart_is_under_way() -> None:
    async with town(a=agent()) as t:
        t.program("a").takes = 120.0
        t.beat("a")
        await t.until("60m10s")
        t.agents["a"] = replace(t.agents["a"], variant=1)
        await t.reload()
        await t.until("63m")
        assert t.restarts("a") == [near(3600)]
        assert [record.ok for record in t.logged("restart_finished")] == [True]
        await t.until("78m")
        assert t.times("heartbeat_missed")[-1] == near(3720 + 900)


async def test_a_restarter_that_is_taken_away_while_it_restarts() -> None:
    async with town(a=agent()) as t:
        t.program("a").takes = 120.0
        t.beat("a")
        await t.until("60m10s")
        t.agents["a"] = agent(None)
        await t.reload()
        await t.until("76m")
        assert (await t.view("a")).status is HealthState.ESCALATED


async def test_an_agent_that_comes_to_be_run_by_us_and_ceases_to_be() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("10m")
        t.agents["a"] = agent("managed")
        await t.reload()
        await t.sleep("10s")
        assert t.program("a").running
        t.program("a").die()
        await t.sleep("30s")
        assert len(t.logged("agent_exited")) == 1
        closed = t.program("a").closed
        t.agents["a"] = agent()
        await t.reload()
        assert t.program("a").closed == closed + 1
        t.beat("a")
        await t.sleep("50m")
        assert (await t.view("a")).status is HealthState.HEALTHY


async def test_nothing_that_waits_for_an_agent_is_lost_in_a_reload() -> None:
    """Beats and questions that are on their way while the store is slow."""
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("10m")
        t.disk.free.clear()
        t.beat("a", kind="fail")
        await t.sleep("10ms")
        t.beat("a")
        asked = asyncio.create_task(t.control.hold("a", 600.0, "me"))
        await t.sleep("10ms")
        t.agents["a"] = replace(t.agents["a"], variant=1)
        await t.reload()
        t.disk.free.set()
        await t.sleep("10s")
        await asked
        view = await t.view("a")
        assert "held" in view.modifiers
        assert view.last_heartbeat == near(t.wall() - 10)


async def test_whoever_asks_of_an_agent_that_is_removed_gets_an_answer() -> None:
    async with town(a=agent(), b=agent()) as t:
        t.beat("a")
        t.disk.free.clear()
        first = asyncio.create_task(t.control.hold("a", 600.0, "me"))
        second = asyncio.create_task(t.control.hold("a", 601.0, "you"))
        await t.sleep("10ms")
        del t.agents["a"]
        await t.reload()
        done, pending = await asyncio.wait({first, second}, timeout=10)
        assert not pending
        assert all(isinstance(task.exception(), RefusedError | LookupError) for task in done)
        t.disk.free.set()


async def test_channels_are_added_changed_and_removed() -> None:
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "5m"))) as t:
        t.channel().usually = Failed("down")
        t.beat("a")
        await t.until("90m")
        assert "supervisor:channel.caine" in await t.keys()
        t.chain = Chain((Step("person"), Step("pager", 60.0)))
        t.channel_variants = {"person": 1, "pager": 0}
        await t.reload()
        await t.sleep("1m")
        assert await t.keys() == {"a:heartbeat"}
        assert t.channel("caine").closed == 1
        assert t.channel("person").closed == 1
        await t.until("3h")
        assert len(t.heard("pager")) > 0
        t.beat("a")
        await t.sleep("1s")
        assert t.heard("person")[-1][1] == t.heard("pager")[-1][1] == "resolved"
        assert t.daemon.desk.deliveries == {}


async def test_only_channels_that_changed_are_made_anew() -> None:
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "5m"))) as t:
        closed = []
        for variant in (1, 1, 0, 0):
            t.channel_variants = {"caine": variant, "person": 0}
            await t.reload()
            closed.append(t.channel("caine").closed)
        assert closed == [1, 1, 2, 2]
        assert t.channel("person").closed == 0


async def test_a_bad_file_is_refused_and_said_and_changes_nothing() -> None:
    async with town(a=agent()) as t:
        t.config_error = "config.toml: agents.a.heartbeat_timout: unknown key"
        t.agents = {}
        with pytest.raises(RefusedError, match="heartbeat_timout"):
            await t.reload()
        assert [record.error for record in t.logged("config_rejected")] == [t.config_error]
        for _ in range(3):
            t.source.relist("whatever")
            await t.sleep("1s")
        assert len(t.logged("config_rejected")) == 1  # a hint is no new file
        t.source.touch(CONFIG)
        await t.sleep("10s")
        assert len(t.logged("config_rejected")) == 1  # one change, two hints
        t.source.touch(CONFIG)
        await t.sleep("1s")
        assert len(t.logged("config_rejected")) == 2
        await t.until("61m")
        assert t.restarts("a") == [near(3600)]


async def test_a_change_of_the_file_is_noticed() -> None:
    async with town(a=agent()) as t:
        await t.sleep("1s")
        t.agents["b"] = agent()
        t.source.touch(CONFIG)
        await t.sleep("1s")
        assert [record.added for record in t.logged("config_reloaded")] == [["b"]]


async def test_a_file_that_is_being_written_is_read_when_that_is_done() -> None:
    async with town(a=agent(), b=agent()) as t:
        t.beat("a", "b")
        await t.sleep("1s")
        whole, t.agents = t.agents, {"a": agent()}  # as far as it was written
        t.source.touch(CONFIG)
        await t.sleep("100ms")
        t.agents = whole
        t.source.touch(CONFIG)
        await t.sleep("1s")
        assert t.logged("config_reloaded") == []
        assert (await t.view("b")).status is HealthState.HEALTHY


async def test_a_file_that_vanishes_is_said_once_and_the_old_one_stays() -> None:
    async with town(a=agent()) as t:
        t.config_error = "config.toml: can not be read: No such file or directory"
        t.source.touch(CONFIG)
        await t.sleep("1s")
        t.source.touch(CONFIG)
        await t.until("61m")
        assert [record.error for record in t.logged("config_rejected")] == [t.config_error]
        assert t.restarts("a") == [near(3600)]
        t.config_error = None
        t.agents["b"] = agent()
        t.source.touch(CONFIG)
        await t.sleep("1s")
        assert [record.added for record in t.logged("config_reloaded")] == [["b"]]


async def test_discovery_is_switched_on_and_off() -> None:
    async with town(a=agent()) as t:
        t.beat("new")
        await t.sleep("1m")
        t.discover = True
        await t.reload()
        await t.sleep("1m")
        assert (await t.view("new")).status is HealthState.HEALTHY
        assert (await t.control.fleet()).unregistered == ()
        t.discover = False
        await t.reload()
        assert [view.name for view in (await t.control.fleet()).agents] == ["a"]


async def test_an_adopted_agent_is_configured() -> None:
    async with town(discover=True) as t:
        t.beat("new")
        await t.until("10m")
        t.agents["new"] = agent(heartbeat_timeout=1800.0)
        assert (await t.reload())["changed"] == ["new"]
        await t.until("31m")
        assert t.restarts("new") == [near(1800)]


async def test_two_reloads_at_once() -> None:
    async with town(a=agent("managed"), b=agent()) as t:
        await t.sleep("1m")
        t.agents = {"c": agent()}
        results = await asyncio.gather(t.reload(), t.reload())
        assert results[0] == {"added": ["c"], "changed": [], "removed": ["a", "b"]}
        assert results[1] == {"added": [], "changed": [], "removed": []}
        assert not t.program("a").running


async def test_removed_while_it_is_restarted_and_added_again() -> None:
    async with town(a=agent(), b=agent()) as t:
        t.program("a").takes = 300.0
        t.beat("a")
        await t.until("60m10s")
        kept = t.agents.pop("a")
        await t.reload()
        t.agents["a"] = kept
        await t.reload()
        await t.sleep("1m")
        assert (await t.view("a")).restarts == 0
        t.beat("a")
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.HEALTHY


async def test_other_bounds_are_in_force_too() -> None:
    async with town(a=agent(None)) as t:
        t.outbox_timeout = 2.0
        t.gate = replace(t.gate, settle=5.0)
        await t.reload()
        t.channel().takes = 3600.0
        t.beat("a")
        await t.until("76m")
        assert t.logged("notification_failed")[0].error == "no answer within 2 s"


async def test_a_plugin_that_can_not_be_closed_does_not_stop_a_reload() -> None:
    chain = (("caine", "0s"), ("person", "5m"))
    async with town(a=agent(), b=agent(), chain=chain, gate=GatePolicy(share=2.0)) as t:
        faulty = ValueError("a bug from outside")
        t.program("a").close_error = t.program("b").close_error = t.channel().close_error = faulty
        t.chain, t.channel_variants = Chain((Step("person"),)), {"person": 0}
        t.agents = {"a": replace(t.agents["a"], variant=1), "c": agent()}
        assert await t.reload() == {"added": ["c"], "changed": ["a"], "removed": ["b"]}
        t.beat("a", "c")
        await t.until("61m")
        assert len(t.restarts("a")) == len(t.restarts("c")) == 1
        t.channel("person").close_error = faulty
        await t.stop()
