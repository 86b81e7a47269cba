"""An agent falls silent, is restarted, and a person hears of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from supervisor.domain.health import HealthState
from supervisor.ports import RefusedError, RestartOutcome
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL


def states(t: VirtualTown, name: str = "a") -> list[str]:
    return [record.new for record in t.logged("health_changed", agent=name)]


async def test_silent_restarted_escalated_resolved() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("59m59s")
        assert not t.logged("heartbeat_missed")
        await t.until("74m")
        assert t.restarts("a") == [near(3600)]
        assert t.heard() == []
        await t.until("80m")
        assert t.times("heartbeat_missed") == near(3600, 3605 + 900)
        assert t.heard() == [(near(4505), "triggered", "a:heartbeat")]
        assert t.restarts("a") == near(3600, 4505)
        message = t.channel().heard[0].delivery.message
        assert message["type"] == "AGENT_ESCALATION"
        assert (message["agent"], message["missed_heartbeats"]) == ("a", 2)
        assert message["evidence"]["last_restart"]["ok"]
        t.beat("a")
        await t.sleep("1s")
        assert t.heard()[1:] == [(near(4800), "resolved", "a:heartbeat")]
        assert states(t) == ["healthy", "restarting", "escalated", "healthy"]
        assert await t.keys() == set()


async def test_a_restart_that_helps_is_told_to_nobody() -> None:
    async with town(a=agent()) as t:
        t.program("a").after = lambda: t.beat("a", kind="start", incarnation="2")
        t.beat("a", incarnation="1")
        await t.until("61m")
        assert states(t) == ["healthy", "restarting", "healthy"]
        assert (await t.view("a")).consecutive_misses == 0
        await t.until("119m")
        assert t.restarts("a") == [near(3600)]
        assert t.heard() == []


async def test_the_copy_that_is_ended_can_not_prove_the_new_one() -> None:
    async with town(a=agent()) as t:
        t.beat("a", incarnation="1")
        await t.until("60m2s")
        t.beat("a", incarnation="1", message="I was only slow")
        await t.until("74m")
        assert states(t) == ["healthy", "restarting"]


async def test_a_beat_on_the_deadline_is_in_time() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.sleep("59m59.9s")
        t.files.append(t.place("a"), t.line(), t.wall())  # nobody hears of it before the deadline rings
        await t.sleep("5m")
        assert not t.logged("heartbeat_missed")


async def test_fail_is_a_miss_at_once() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("10m")
        t.beat("a", kind="fail", message="no password")
        await t.sleep("1s")
        assert t.restarts("a") == [near(600)]
        assert t.logged("heartbeat_missed")[0].reason == "the agent reported a failure"


async def test_stop_is_a_planned_end() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("10m")
        t.beat("a", kind="stop")
        await t.until("48h")
        assert (await t.view("a")).status is HealthState.STOPPED
        assert not t.logged("heartbeat_missed")
        t.beat("a", kind="start")
        await t.sleep("61m")
        assert len(t.restarts("a")) == 1


async def test_busy_until_moves_the_deadline_by_half_an_hour_at_the_most() -> None:
    async with town(a=agent(), b=agent()) as t:
        t.beat("a", busy_until=t.wall() + 80 * 60)
        t.beat("b", busy_until=t.wall() + 24 * 3600)
        await t.until("2h")
        assert t.restarts("a")[0] == near(80 * 60)
        assert t.restarts("b")[0] == near(90 * 60)


async def test_an_agent_that_nothing_restarts_is_escalated() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("76m")
        assert states(t) == ["healthy", "unhealthy", "escalated"]
        assert t.heard() == [(near(4500), "triggered", "a:heartbeat")]
        assert [record.reason for record in t.logged("restart_refused")] == ["no_restarter"]
        with pytest.raises(RefusedError):
            await t.control.restart("a", "me")


async def test_an_agent_that_never_beat_is_silent_from_its_registration_on() -> None:
    async with town(a=agent()) as t:
        await t.until("61m")
        assert t.restarts("a") == [near(3600)]


async def test_a_check_escalates_an_agent_that_never_beat() -> None:
    async with town(a=agent(None), b=agent(None)) as t:
        await t.sleep("1m")
        t.beat("b")
        fleet = await t.control.check(["a"])
        assert fleet.agents[0].status is HealthState.ESCALATED
        assert (await t.view("b")).status is HealthState.HEALTHY


async def test_spent_intensity_leaves_one_slow_try_every_half_hour() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("6h")
        begun = t.restarts("a")
        assert len([at for at in begun if at < begun[0] + 3600]) <= 4
        assert all(later - before >= 1799 for before, later in pairwise(begun[2:]))
        assert (await t.view("a")).modifiers


async def test_a_failed_restart_is_tried_again_after_the_backoff() -> None:
    async with town(a=agent()) as t:
        t.program("a").outcome = RestartOutcome(ok=False, detail="no such program", exit_code=127, stderr=("oops",))
        t.beat("a")
        await t.until("76m")
        done = t.logged("restart_finished")
        assert (done[0].ok, done[0].exit_code, done[0].stderr) == (False, 127, ["oops"])
        assert "no such program" in t.channel().heard[0].delivery.message["summary"]


async def test_a_restarter_that_raises_is_a_failed_restart() -> None:
    async with town(a=agent()) as t:
        t.program("a").outcome = ValueError("bug")
        t.beat("a")
        await t.until("61m")
        assert t.logged("restart_finished")[0].detail == "ValueError: bug"
        t.beat("a")
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.HEALTHY


async def test_a_critical_phase_defers_the_restart_by_five_minutes() -> None:
    async with town(a=agent()) as t:
        t.beat("a", phase="critical")
        await t.until("70m")
        assert t.restarts("a") == [near(3900)]


async def test_a_held_agent_is_watched_and_told_of_but_not_restarted() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("55m")
        await t.control.hold("a", 1800.0, "me")
        await t.until("84m")
        assert t.restarts("a") == []
        assert t.heard() == [(near(4500), "triggered", "a:heartbeat")]
        await t.until("86m")
        assert t.restarts("a") == [near(85 * 60)]


async def test_release_restarts_what_waits() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("55m")
        await t.control.hold("a", 1800.0, "me")
        await t.until("61m")
        await t.control.release("a", "me")
        await t.sleep("1s")
        assert t.restarts("a") == [near(61 * 60)]


async def test_a_person_restarts_a_healthy_agent() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("10m")
        assert await t.control.restart("a", "me") == 1
        with pytest.raises(RefusedError, match="under way"):
            await t.control.restart("a", "me")
        await t.sleep("1m")
        assert t.restarts("a") == [near(600)]


async def test_an_agent_that_we_run_is_started_and_its_death_is_seen_at_once() -> None:
    async with town(a=agent("managed")) as t:
        await t.sleep("1m")
        assert t.program("a").running
        t.beat("a")
        await t.until("10m")
        t.program("a").die(9)
        await t.sleep("30s")
        assert t.program("a").running
        assert [record.exit_code for record in t.logged("agent_exited")] == [9]
        assert len(t.restarts("a")) == 2
        await t.stop()
        assert not t.program("a").running
        assert t.program("a").closed == 1


async def test_an_unregistered_agent_is_said_once_and_shown() -> None:
    async with town(a=agent()) as t:
        for _ in range(3):
            t.beat("stranger")
            await t.sleep("1m")
        assert len(t.logged("unregistered_agent", agent="stranger", adopted=False)) == 1
        assert (await t.control.fleet()).unregistered == ("stranger",)


async def test_discovered_agents_are_watched_like_any_other() -> None:
    async with town(discover=True) as t:
        t.beat("new")
        await t.sleep("1s")
        assert len(t.logged("unregistered_agent", agent="new", adopted=True)) == 1
        assert (await t.view("new")).status is HealthState.HEALTHY
        await t.until("61m")
        assert len(t.restarts("new")) == 1


async def test_a_heartbeat_from_the_future_counts_as_of_now() -> None:
    async with town(a=agent()) as t:
        t.beat("a", timestamp="2099-01-01T00:00:00Z")
        await t.until("61m")
        assert t.restarts("a") == [near(3600)]
        assert len(t.logged("clock_skew")) == 1
