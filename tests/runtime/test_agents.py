"""One agent's coroutine."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.domain.events import Beat, BeatKind, Held
from supervisor.domain.policy import OnExhausted
from supervisor.domain.vitals import HealthState
from supervisor.ports import RestartOutcome
from tests.support.machine import EPOCH
from tests.support.world import VIRTUAL, agent, near, town

pytestmark = VIRTUAL


async def test_a_beat_that_is_ahead_of_a_clock_that_was_set_back_counts_as_of_now() -> None:
    async with town(a=agent()) as t:
        one = t.daemon.roster.get("a")
        one.take([Beat(t.wall() + 7200)])
        await t.sleep("10ms")
        assert one.health.beat is not None
        assert one.health.beat.at == pytest.approx(t.wall(), abs=0.1)


async def test_of_beats_that_were_read_together_the_newest_of_a_living_life_counts() -> None:
    async with town(a=agent()) as t:
        one = t.daemon.roster.get("a")
        one.take([])
        one.take([Beat(EPOCH - 3, incarnation="1", fingerprint="1")])
        one.take([Beat(EPOCH - 2, incarnation="2", fingerprint="2")])
        await t.sleep("10ms")
        one.take(
            [
                Beat(EPOCH - 1.5, incarnation="2", fingerprint="3", kind=BeatKind.FAIL),
                Beat(EPOCH - 1, incarnation="2", fingerprint="4"),
                Beat(EPOCH, incarnation="1", fingerprint="5"),
            ]
        )
        await t.sleep("10ms")
        assert one.health.beat is not None
        assert one.health.beat.fingerprint == "4"
        assert one.health.state is HealthState.HEALTHY
        one.take([Beat(EPOCH + 1, incarnation="1", fingerprint="6")])
        await t.sleep("10ms")
        assert one.health.beat.fingerprint == "4"


async def test_a_run_that_ended_before_another_began_counts_though_they_are_read_together() -> None:
    async with town(a=agent(None, max_runtime=600.0)) as t:
        one = t.daemon.roster.get("a")
        await t.sleep("9s")
        one.take([Beat(EPOCH + 3, BeatKind.START, "1")])
        one.take([Beat(EPOCH + 4, BeatKind.FAIL, "2"), Beat(EPOCH + 5, BeatKind.START, "3")])
        await t.sleep("10ms")
        assert (one.health.misses, one.health.errors, one.health.due) == (1, 1, EPOCH + 605)
        one.take(
            [Beat(EPOCH + 6, BeatKind.FAIL, "4"), Beat(EPOCH + 6, BeatKind.OK, "5"), Beat(EPOCH + 6, BeatKind.LOG, "6")]
        )
        await t.sleep("10ms")
        assert (one.health.state, one.health.errors) == (HealthState.HEALTHY, 2)


async def test_what_failed_before_it_was_registered_is_no_error_of_its() -> None:
    async with town(a=agent(None)) as t:
        one = t.daemon.roster.get("a")
        one.take([Beat(EPOCH - 9e7, BeatKind.FAIL, "1"), Beat(EPOCH - 1, BeatKind.OK, "2")])
        await t.sleep("10ms")
        assert (one.health.state, one.health.errors) == (HealthState.HEALTHY, 0)


async def test_of_what_is_read_together_each_work_counts() -> None:
    async with town(a=agent(None, loop_after=4)) as t:
        one = t.daemon.roster.get("a")
        for number in range(12):
            new = Beat(EPOCH + number, progress_note=f"invoice {number}", fingerprint=f"{number}a")
            one.take([new, Beat(EPOCH + number, message="done", fingerprint=f"{number}b")])
            await t.sleep("1s")
            assert one.health.loop.period == 0
        one.take([Beat(EPOCH + 12, message="done", fingerprint=f"c{number}") for number in range(500)])
        await t.sleep("1s")
        assert one.health.loop.period == 1


async def test_plain_beats_are_not_written_one_by_one() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.sleep("2m")
        before = t.disk.commits
        for _ in range(50):
            t.beat("a")
            await t.sleep("1s")
        assert t.disk.commits - before <= 2
        await t.sleep("61s")
        saved = (await t.disk.store.open()).agents["a"]
        assert saved.beat is not None
        assert saved.beat.at == pytest.approx(t.wall() - 62, abs=2)


async def test_a_skewed_clock_is_said_when_it_begins() -> None:
    async with town(a=agent()) as t:
        for _ in range(3):
            t.beat("a", timestamp="2099-01-01T00:00:00Z")
            await t.sleep("1m")
        assert len(t.logged("clock_skew")) == 1
        assert "clock_skew" in (await t.view("a")).modifiers
        t.beat("a")
        await t.sleep("1s")
        assert (await t.view("a")).modifiers == ()


async def test_a_refusal_is_said_once_while_it_lasts() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("5h")
        assert len(t.logged("heartbeat_missed")) > 10
        assert len(t.logged("restart_refused")) == 1


async def test_who_asks_and_goes_away_disturbs_nobody() -> None:
    async with town(a=agent()) as t:
        asking = asyncio.ensure_future(t.daemon.roster.get("a").ask(Held(t.wall() + 600, "me")))
        await asyncio.sleep(0)
        asking.cancel()
        await t.sleep("1s")
        assert "held" in (await t.view("a")).modifiers


async def test_an_agent_that_recovers_by_its_restart_is_no_longer_counted_as_silent() -> None:
    async with town(**{name: agent() for name in "abc"}) as t:
        t.program("a").after = lambda: t.beat("a", kind="start")
        for minute in (0, 30):
            await t.until(f"{minute}m")
            t.beat("b", "c")
        await t.until("60m10s")
        assert t.restarts("a") == [near(3600)]
        assert t.daemon.gate.gate.overdue == 0


async def test_evidence_tells_of_the_restart_that_failed() -> None:
    async with town(a=agent()) as t:
        t.program("a").outcome = RestartOutcome(ok=False, detail="boom", exit_code=1, stderr=("why",))
        t.beat("a", message="I am <b>fine</b>", pid=7, incarnation="x")
        await t.until("76m")
        evidence = t.channel().heard[0].delivery.message["evidence"]
        assert evidence["agent_said"] == {"kind": "ok", "incarnation": "x", "pid": 7, "message": "I am <b>fine</b>"}
        assert (evidence["last_restart"]["attempt"], evidence["last_restart"]["stderr"]) == (1, ["why"])
        assert evidence["consecutive_misses"] == 2


async def test_the_end_tells_how_it_stands_then() -> None:
    async with town(a=agent()) as t:
        await t.until("76m")
        assert t.channel().heard[0].delivery.message["evidence"]["last_heartbeat"] is None
        t.beat("a", message="here again")
        await t.sleep("10s")
        end = t.channel().heard[-1].delivery.message
        evidence = end["evidence"]
        assert (end["kind"], end["summary"], evidence["reason"]) == ("resolved", *["heartbeat in time"] * 2)
        assert evidence["last_heartbeat"] is not None
        assert evidence["agent_said"]["message"] == "here again"
        assert (evidence["last_restart"]["attempt"], evidence["last_restart"]["heartbeat_followed"]) == (2, True)


async def test_a_restart_for_an_earlier_silence_is_none_for_this_one() -> None:
    async with town(a=agent(restart={"max_restarts": 1, "window": 86400.0, "on_exhausted": OnExhausted.HOLD})) as t:
        t.program("a").after = lambda: t.beat("a", kind="start")
        t.beat("a")
        await t.until("3h")
        assert t.restarts("a") == [near(3600)]
        (first,) = t.channel().heard
        assert "last_restart" not in first.delivery.message["evidence"]


async def test_restarts_within_one_silence_are_told() -> None:
    async with town(a=agent(restart={"max_restarts": 1, "on_exhausted": OnExhausted.HOLD})) as t:
        t.beat("a", kind="fail", incarnation="1")
        await t.sleep("1m")
        assert len(t.restarts("a")) == 1
        t.beat("a", kind="fail", incarnation="2")
        await t.sleep("1m")
        last = t.channel().heard[0].delivery.message["evidence"]["last_restart"]
        assert (last["attempt"], last["heartbeat_followed"]) == (1, True)


async def test_a_warning_of_an_agent_that_beats_says_why_it_was_opened() -> None:
    async with town(a=agent(progress_timeout=1800.0)) as t:
        for minute in range(0, 31, 10):
            await t.until(f"{minute}m")
            t.beat("a", pending=5, progress={"seq": 7})
        await t.sleep("10s")
        t.beat("a", pending=5, progress={"seq": 8})
        await t.sleep("10s")
        begin, end = (said.delivery.message for said in t.channel().heard)
        assert begin["evidence"]["reason"] == begin["summary"]
        assert begin["summary"].startswith("no progress ")
        assert end["evidence"]["reason"] == end["summary"] == "its work moves again, or waits no more"


async def test_who_has_gone_away_needs_no_answer() -> None:
    async with town(a=agent(), b=agent()) as t:
        one = t.daemon.roster.get("a")
        t.disk.free.clear()
        first = asyncio.ensure_future(one.ask(Held(t.wall() + 600, "me")))
        second = asyncio.ensure_future(one.ask(Held(t.wall() + 600, "me")))
        await t.sleep("1s")
        for task in (first, second):
            task.cancel()
        await asyncio.wait({first, second})
        del t.agents["a"]
        await t.reload()
        t.disk.free.set()
        assert [one.name for one in t.daemon.roster] == ["b"]
