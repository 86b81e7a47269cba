"""What the supervisor stands on breaks; the supervision goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from supervisor.domain.events import Beat
from supervisor.domain.gate import GatePolicy
from supervisor.domain.health import HealthState
from supervisor.ports import StoreError
from supervisor.runtime.change import Change
from supervisor.runtime.daemon import Daemon
from supervisor.runtime.services import LAW, ServiceExhaustedError
from tests.support.world import PAGE, VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL


async def kept(t: VirtualTown) -> dict[str, str]:
    """Return the health states that the next life would find."""
    saved = await t.disk.store.open()
    return {name: health.state.value for name, health in saved.agents.items()}


@pytest.mark.parametrize("length", ["10s", "2h"])
async def test_a_store_that_hangs_delays_no_decision(length: str) -> None:
    async with town(a=agent(), b=agent(None)) as t:
        t.beat("a")
        await t.sleep("10m")
        t.beat("b")
        await t.until("59m58s")
        t.disk.free.clear()
        await t.until("60m3s")
        assert t.restarts("a") == [pytest.approx(3600, abs=2.1)]
        await t.sleep(length)
        t.disk.free.set()
        await t.sleep("1s")
        assert (await kept(t))["a"] == (await t.view("a")).status.value


async def test_a_store_that_hangs_is_waited_for_once_and_not_for_each_decision() -> None:
    async with town(a=agent(None), b=agent(None)) as t:
        t.disk.free.clear()
        begun = t.t
        for number in range(20):
            await t.control.hold("ab"[number % 2], 600.0 + number, "me")
        assert t.t - begun < 2.1
        t.disk.free.set()
        await t.sleep("1s")
        begun = t.t
        await t.control.hold("a", 60.0, "me")
        assert t.t - begun >= t.disk.latency


async def test_a_store_that_fails_for_an_hour_gets_everything_afterwards() -> None:
    async with town(a=agent(None), b=agent(None), c=agent(None)) as t:
        t.beat("a")
        await t.sleep("2m")
        t.beat("b")
        await t.sleep("2m")
        t.beat("c")
        silence = await t.control.silence("z", 1e6, "me", "ended during the outage")
        await t.until("76m")  # a is escalated and written
        t.disk.failing = True
        await t.until("78m")  # b is escalated meanwhile
        t.beat("a")  # and a resolved
        await t.until("80m")
        await t.control.unsilence(silence.silence.id, "me")
        t.beat("c")
        await t.until("120m")
        t.beat("a", "c")
        await t.until("136m")
        failed = t.logged("journal_failed")
        assert len(failed) == 1
        t.disk.failing = False
        await t.sleep("10s")
        assert len(t.logged("journal_restored")) == 1
        told = len(t.channel().heard)
        await t.again()
        await t.sleep("1m")
        assert len(t.channel().heard) == told
        assert await t.keys() == {"b:heartbeat"}
        assert t.control.silences().kept == ()
        assert t.daemon.desk.deliveries == {}
        rows = [row.event for row in await t.control.rows(limit=10_000)]
        for event in ("incident_opened", "incident_resolved", "notification_sent", "silence_ended"):
            assert rows.count(event) == len(t.logged(event)), event
        numbers = [row.id for row in await t.control.rows(limit=10_000)]
        assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("nth", range(1, 12))
async def test_whichever_commit_fails_nothing_is_lost(nth: int) -> None:
    async with town(a=agent(restart={"backoff": 3600.0, "backoff_max": 3600.0})) as t:
        t.disk.fail_commits = {t.disk.commits + nth, t.disk.commits + nth + 1}
        t.beat("a")
        await t.until("76m")
        await t.sleep("10s")
        await t.again()
        t.beat("a")
        await t.sleep("1m")
        assert t.channel().kinds() == ["triggered", "resolved"]
        assert len(t.restarts("a")) == 1
        assert (await t.view("a")).restarts == 1


async def test_a_forgotten_agent_stays_forgotten_though_the_store_failed() -> None:
    async with town(a=agent(None), b=agent(None)) as t:
        t.beat("a", "b")
        await t.sleep("2m")
        t.disk.failing = True
        kept_b = t.agents.pop("b")
        del t.agents["a"]
        await t.reload()
        t.agents["b"] = kept_b
        await t.reload()
        t.disk.failing = False
        await t.sleep("10s")
        assert set(await kept(t)) == {"b"}


async def test_a_store_that_can_not_be_opened_at_the_start() -> None:
    t = town(a=agent())
    t.disk.failing = True
    async with t:
        t.beat("a")
        await t.until("59m")
        assert len(t.logged("journal_failed")) == 1
        await t.until("61m")
        assert t.restarts("a") == [near(3600)]
        t.disk.failing = False
        await t.sleep("10s")
        assert (await kept(t))["a"] == "restarting"
        rows = await t.control.rows()
        assert [row.event for row in rows if row.event == "restart_started"] == ["restart_started"]


async def test_records_of_a_store_that_was_away_at_the_start_replace_no_older_ones() -> None:
    async with town(a=agent()) as t:
        await t.sleep("2m")
        before = {row.id: row.event for row in await t.control.rows()}
        await t.kill()
        t.disk.failing = True
        await t.start()
        await t.sleep("1m")
        t.disk.failing = False
        await t.sleep("10s")
        after = {row.id: row.event for row in await t.control.rows()}
        assert before.items() <= after.items()
        assert len(after) > len(before)


async def test_a_hung_store_does_not_hold_up_the_sending_for_long() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("74m")
        t.disk.free.clear()
        await t.until("75m5s")
        assert [kind for _, kind, _ in t.heard()] == ["triggered"]
        t.disk.free.set()


def broken(times: int, service: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Return a service that fails so many times before it does its work."""
    left = [times]

    async def run() -> None:
        if left[0]:
            left[0] -= 1
            raise ValueError("bug")
        await service()

    return run


@pytest.mark.parametrize("part", ["outbox", "desk", "reader", "gate", "roster", "journal"])
async def test_a_service_that_fails_is_started_again(part: str) -> None:
    t = town(a=agent())

    def prepare(daemon: Daemon) -> None:
        one = getattr(daemon, part)
        one.run = broken(3, one.run)

    t.prepare = prepare
    async with t:
        t.beat("a")
        await t.until("76m")
        assert len(t.logged("service_failed")) == 3
        assert t.channel().kinds() == ["triggered"]
        assert len(t.restarts("a")) == 2


async def test_a_service_that_fails_again_and_again_ends_the_daemon() -> None:
    async with town(a=agent()) as t:
        t.source.fail(OSError("no watches left"), for_ever=True)
        error = await t.died()
        assert isinstance(error, BaseExceptionGroup)
        (spent,) = error.exceptions
        assert isinstance(spent, ServiceExhaustedError)
        assert "watcher" in str(spent)
        assert len(t.logged("service_failed", service="watcher")) == LAW.max_restarts


async def test_when_the_daemon_ends_by_a_fault_the_agents_it_runs_live_on() -> None:
    async with town(a=agent("managed")) as t:
        await t.sleep("1m")
        t.source.fail(OSError("no watches left"), for_ever=True)
        await t.died()
        assert t.program("a").running
        assert t.program("a").closed == 0
        t.source.fail(OSError("once more"))
        await t.start()
        await t.sleep("1m")
        assert len(t.restarts("a")) == 1


async def test_a_fault_in_telling_of_a_restart_does_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("59m")
        commit = t.daemon.journal.commit

        async def broken(change: Change) -> None:
            monkeypatch.setattr(t.daemon.journal, "commit", commit)
            raise RuntimeError("bug")

        monkeypatch.setattr(t.daemon.journal, "commit", broken)
        await t.until("61m")
        assert len(t.logged("service_failed")) == 1
        assert t.restarts("a") == [near(3600)]
        await t.until("76m")
        assert t.channel().kinds() == ["triggered"]


async def test_a_watcher_that_breaks_closes_the_gate_and_lists_again() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("30m")
        t.files.append(t.place("a"), t.line(), t.wall())  # unheard
        t.source.fail(OSError("no watches left"))
        await t.until("89m")
        assert [record.service for record in t.logged("service_failed")] == ["watcher"]
        assert [record.reason for record in t.logged("gate_closed")] == ["just_started", "watch_lost"]
        assert not t.logged("heartbeat_missed")


async def test_a_page_that_can_not_be_drawn_or_written_ends_nothing() -> None:
    async with town(a=agent()) as t:
        t.page_error = OSError(28, "No space left on device")
        t.beat("a")
        await t.until("61m")
        assert t.restarts("a") == [near(3600)]
        assert [record.error for record in t.logged("dashboard_failed")] == ["No space left on device"]
        t.page_error = ValueError("template")
        await t.until("5h")
        assert (await t.view("a")).status is HealthState.ESCALATED
        t.page_error = None
        before = len(t.pages)
        await t.sleep("2h")
        assert len(t.pages) > before
        assert PAGE in t.files.paths()


async def test_a_store_that_can_not_be_read_is_said_to_who_asks() -> None:
    async with town(a=agent()) as t:
        t.disk.failing = True
        with pytest.raises(StoreError, match="no space"):
            await t.control.rows()
        with pytest.raises(StoreError, match="no space"):
            await t.control.incidents()


async def test_one_agents_fault_stays_its_own() -> None:
    async with town(a=agent(), b=agent(), gate=GatePolicy(share=2.0)) as t:
        t.beat("b")
        one = t.daemon.roster.get("a")

        async def faulty(name: str) -> list[Beat]:
            raise RuntimeError(f"{name}: bug")

        tools = one._tools
        one._tools = replace(tools, read=faulty)
        await t.until("61m")
        failed = t.logged("service_failed")
        assert {(record.service, record.error) for record in failed} == {("agent:a", "RuntimeError: a: bug")}
        assert len(t.restarts("b")) == 1
        with pytest.raises(RuntimeError):
            await t.control.check(["a"])
        one._tools = tools
        await t.sleep("40s")
        assert len(t.restarts("a")) == 1


async def test_a_keeper_that_fails_is_asked_again() -> None:
    async with town() as t:
        t.program("a").adopt_errors = [OSError("no /proc"), OSError("no /proc")]
        t.agents["a"] = agent("managed")
        await t.reload()
        await t.sleep("1m")
        assert [record.service for record in t.logged("service_failed")] == ["agent:a"] * 2
        assert t.program("a").running


async def test_a_fault_that_stays_is_tried_ever_more_slowly() -> None:
    async with town(a=agent(None)) as t:
        one = t.daemon.roster.get("a")

        async def faulty(name: str) -> list[Beat]:
            raise RuntimeError(f"{name}: bug")

        tools = one._tools
        one._tools = replace(tools, read=faulty)
        await t.until("5h")
        assert 240 < len(t.logged("service_failed")) < 600
        one._tools = tools
        await t.sleep("1m")
        t.beat("a")
        await t.sleep("1s")
        one._tools = replace(tools, read=faulty)
        said = len(t.logged("service_failed"))
        await t.sleep("60m15s")
        assert len(t.logged("service_failed")) - said >= 4, "after a good turn it is a new fault"
