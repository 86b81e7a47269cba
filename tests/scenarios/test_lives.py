"""Life after life of the supervisor: nothing is lost, nothing happens twice."""

from __future__ import annotations

from itertools import pairwise

import pytest

from supervisor.domain.delivery import Failed
from supervisor.domain.health import HealthState
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

CHAIN = (("caine", "0s"), ("person", "5m"))


async def story(t: VirtualTown, killed_at: str | None, *, softly: bool = False) -> None:
    """Tell the main story; the supervisor dies at `killed_at` and lives again 5 s later."""
    t.beat("a")
    if killed_at is not None:
        await t.until(killed_at)
        await (t.stop() if softly else t.kill())
        await t.sleep("5s")
        await t.start()
    await t.until("84m")
    t.beat("a")
    await t.until("88m")


PHASES = [
    "1s",
    "59m59.9s",
    "60m",
    "60m0.003s",
    "60m2s",
    "60m5.004s",
    "61m",
    "75m5s",
    "75m5.004s",
    "75m6s",
    "80m",
    "83m59s",
]


@pytest.mark.parametrize("softly", [False, True], ids=["killed", "stopped"])
@pytest.mark.parametrize("killed_at", PHASES)
async def test_the_main_story_whenever_the_supervisor_dies(killed_at: str, softly: bool) -> None:
    async with town(a=agent(restart={"backoff": 3600.0, "backoff_max": 3600.0}), chain=CHAIN) as t:
        await story(t, killed_at, softly=softly)
        assert len(t.restarts("a")) == 1
        assert t.restarts("a")[0] == pytest.approx(3600, abs=36)
        assert t.channel("caine").kinds() == ["triggered", "resolved"]
        assert t.channel("person").kinds() == ["triggered", "resolved"]
        assert len({said.delivery.incident for said in t.channel("caine").heard}) == 1
        assert await t.keys() == set()
        assert t.daemon.desk.deliveries == {}
        assert (await t.view("a")).restarts == 1


async def test_killed_every_minute() -> None:
    async with town(a=agent(restart={"backoff": 3600.0, "backoff_max": 3600.0}), chain=CHAIN) as t:
        t.beat("a")
        for minute in range(1, 110):
            await t.until(f"{minute}m")
            await t.again()
            if minute == 95:
                t.beat("a")
        assert len(t.restarts("a")) == 1
        assert t.channel("caine").kinds()[0] == "triggered"
        assert t.channel("caine").kinds()[-1] == "resolved"
        assert set(t.channel("caine").kinds()[1:-1]) <= {"repeated"}
        assert len({said.delivery.incident for said in t.channel("caine").heard}) == 1


async def test_who_recovered_while_nobody_watched_gets_the_end() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("80m")
        await t.kill()
        await t.sleep("5m")
        t.beat("a")
        await t.sleep("10m")
        await t.start()
        await t.sleep("1s")
        assert t.channel().kinds() == ["triggered", "resolved"]
        assert (await t.view("a")).status is HealthState.HEALTHY


async def test_what_has_not_changed_is_not_said_again() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("80m")
        for _ in range(3):
            await t.again()
            await t.sleep("1m")
        assert len(t.channel().heard) == 1
        assert len(t.logged("incident_opened")) == 1


async def test_an_unsent_notification_is_sent_by_the_next_life() -> None:
    async with town(a=agent(None)) as t:
        t.channel().usually = Failed("down")
        t.beat("a")
        await t.until("76m")
        await t.kill()
        t.channel().usually = type(t.channel())().usually
        await t.start()
        await t.sleep("6m")
        assert t.channel().kinds() == ["triggered"]


async def test_a_notice_that_the_killed_life_may_have_sent_gets_its_end() -> None:
    """It was sent, the life ended before it could mark it, and the agent beats before it is sent again."""
    async with town(a=agent(None)) as t:
        t.channel().takes = 3.0
        t.beat("a")
        await t.until("75m1s")
        await t.kill()
        assert t.channel().kinds() == ["triggered"]
        t.beat("a")
        await t.start()
        await t.sleep("1m")
        assert t.channel().kinds() == ["triggered", "resolved"]
        assert t.daemon.desk.deliveries == {}


async def test_a_restart_that_outlives_its_supervisor_is_joined() -> None:
    async with town(a=agent()) as t:
        t.program("a").takes = 60.0
        t.beat("a")
        await t.until("60m10s")
        await t.again()
        await t.until("62m")
        assert t.restarts("a") == [near(3600)]
        assert [record.attempt for record in t.logged("restart_finished")] == [1]
        await t.until("78m")
        assert t.times("heartbeat_missed")[-1] == near(3660 + 900)


async def test_what_people_asked_for_outlives_the_supervisor() -> None:
    async with town(a=agent(), b=agent(None)) as t:
        t.beat("a")
        await t.control.hold("a", 7200.0, "me")
        await t.control.silence("b*", 7200.0, "me", "new version")
        await t.sleep("10m")
        t.beat("b")
        await t.again()
        assert "held" in (await t.view("a")).modifiers
        assert [silence.matcher for silence in t.control.silences().kept] == ["b*"]
        await t.until("80m")
        (incident,) = [one for one in (await t.control.fleet()).incidents if one.key == "a:heartbeat"]
        await t.control.acknowledge(incident.id, "me", 1800.0)
        await t.again()
        (incident,) = [one for one in (await t.control.fleet()).incidents if one.key == "a:heartbeat"]
        assert incident.acked_by == "me"
        assert t.restarts("a") == []


async def test_a_silence_that_has_ended_is_said_once() -> None:
    async with town(a=agent(None)) as t:
        await t.control.silence("x", 600.0, "me", "short")
        silence = await t.control.silence("y", 7200.0, "me", "ended by hand")
        await t.until("11m")
        await t.control.unsilence(silence.silence.id, "me")
        for _ in range(3):
            await t.sleep("1m")
            await t.again()
        assert len(t.logged("silence_ended")) == 2
        assert t.control.silences().kept == ()


async def test_a_silence_that_ends_while_nobody_watches_is_said() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.control.silence("a", 5400.0, "me", "move")
        await t.until("80m")
        await t.kill()
        await t.sleep("20m")
        await t.start()
        await t.sleep("1s")
        assert len(t.logged("silence_ended")) == 1
        assert t.channel().kinds() == ["silence_ended"]


async def test_backoff_and_intensity_outlive_the_supervisor() -> None:
    async with town(a=agent(restart={"max_restarts": 2})) as t:
        t.beat("a")
        for minute in range(55, 200, 5):
            await t.until(f"{minute}m")
            await t.again()
        begun = t.restarts("a")
        assert all(later - before > 1790 for before, later in pairwise(begun[1:]))


async def test_after_a_reboot_agents_have_their_start_period() -> None:
    async with town(a=agent(), b=agent()) as t:
        t.beat("a", "b")
        await t.until("10m")
        await t.kill()
        await t.sleep("4h")
        t.boot = "boot-2"
        await t.start()
        began = t.t
        await t.sleep("5m")
        t.beat("b")
        await t.sleep("9m")
        assert not t.logged("heartbeat_missed")
        await t.sleep("2m")
        assert t.restarts("a") == [near(began + 900)]
        assert t.restarts("b") == []


async def test_a_removed_agent_is_forgotten_and_its_incident_over() -> None:
    async with town(a=agent(None), b=agent(None)) as t:
        t.beat("a")
        await t.until("80m")
        await t.kill()
        del t.agents["a"]
        await t.start()
        await t.sleep("1s")
        assert t.channel().kinds()[-1] == "resolved"
        await t.again()
        assert len(t.logged("incident_resolved", agent="a")) == 1


async def test_adopted_agents_stay_adopted() -> None:
    async with town(discover=True) as t:
        t.beat("new")
        await t.until("76m")
        assert await t.keys() == {"new:heartbeat"}
        await t.again()
        await t.sleep("1m")
        assert await t.keys() == {"new:heartbeat"}
        assert t.channel().kinds() == ["triggered"]
        assert (await t.view("new")).consecutive_misses == 2
        assert len(t.logged("unregistered_agent")) == 1


async def test_the_fleets_incident_goes_on_and_is_told_once() -> None:
    async with town(**{name: agent(None) for name in "abc"}) as t:
        t.beat("a", "b", "c")
        await t.until("72m")
        assert "fleet:silent" in await t.keys()
        heard = len(t.channel().heard)
        await t.again()
        await t.sleep("2m")
        assert "fleet:silent" in await t.keys()
        await t.kill()
        t.beat("a", "b", "c")
        await t.start()
        await t.sleep("1m")
        assert await t.keys() == set()
        assert [said.delivery.message["key"] for said in t.channel().heard[heard:]] == ["fleet:silent"]


async def test_an_agent_we_run_is_adopted_not_started_again() -> None:
    async with town(a=agent("managed")) as t:
        await t.sleep("1m")
        t.beat("a")
        await t.again()
        await t.sleep("1m")
        assert len(t.restarts("a")) == 1
        assert t.program("a").running
        await t.kill()
        t.program("a").running = False
        await t.start()
        await t.sleep("1m")
        assert len(t.restarts("a")) == 2


@pytest.mark.parametrize("heard", ["before its end", "by the next life"])
async def test_an_agent_we_run_that_said_stop_when_we_ended_it_is_started_with_us(heard: str) -> None:
    async with town(a=agent("managed")) as t:
        await t.sleep("1m")
        t.beat("a", kind="start", incarnation="1")
        await t.sleep("1m")
        if heard == "before its end":
            t.beat("a", kind="stop", incarnation="1")
            await t.sleep("1s")
            assert (await t.view("a")).status is HealthState.STOPPED
            await t.stop()
        else:
            await t.stop()
            t.beat("a", kind="stop", incarnation="1")
        assert not t.program("a").running
        await t.sleep("1m")
        await t.start()
        await t.sleep("1m")
        assert t.program("a").running
        assert len(t.restarts("a")) == 2
        assert (await t.view("a")).restarts == 0, "no silence: it was ended, and is started"
        t.beat("a", kind="start", incarnation="2")
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.HEALTHY
        assert t.logged("heartbeat_missed") == []
        await t.sleep("61m")
        assert (await t.view("a")).restarts == 1, "its silence counts as any other's"


async def test_the_absence_is_said() -> None:
    async with town(a=agent()) as t:
        await t.sleep("10m")
        await t.kill()
        await t.sleep("1h")
        await t.start()
        first, second = t.logged("supervisor_started")
        assert first.absent is None
        assert second.absent == pytest.approx(3600, abs=61)


async def test_a_restart_of_an_agent_we_run_is_joined() -> None:
    async with town(a=agent("managed")) as t:
        await t.sleep("1m")
        t.beat("a")
        t.program("a").takes = 60.0
        t.program("a").die()
        await t.sleep("30s")
        await t.again()
        await t.sleep("2m")
        assert len(t.restarts("a")) == 2
        assert len(t.logged("restart_finished")) == 1
        assert t.program("a").running
