"""The dashboard's file: hourly, after each transition, never too often."""

from __future__ import annotations

from supervisor.domain.delivery import Failed
from supervisor.domain.records import AgentReleased
from supervisor.faces.languages.language import ENGLISH
from supervisor.faces.strips import Strips
from supervisor.ports import WatchLost
from supervisor.runtime.plan import PagePlan
from tests.support.machine import BEATS
from tests.support.world import PAGE, VIRTUAL, agent, town

pytestmark = VIRTUAL


async def test_it_is_written_hourly_and_after_each_transition() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.sleep("1m")
        settled = len(t.pages)
        await t.until("59m")
        assert len(t.pages) == settled
        await t.until("61m")
        assert len(t.pages) > settled
        t.beat("a")
        await t.sleep("1m")
        settled = len(t.pages)
        await t.sleep("59m10s")
        assert len(t.pages) == settled + 1


async def test_it_shows_who_was_told_and_who_could_not_be() -> None:
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "5m"))) as t:
        t.channel("caine").takes = 8.0
        t.channel("person").usually = Failed("down", permanent=True)
        t.beat("a")
        await t.until("75m7s")
        assert [one.told for one in t.pages[-1].incidents] == [()]
        await t.until("75m20s")
        assert [one.told for one in t.pages[-1].incidents] == [("caine",)]
        await t.until("80m")
        written = len(t.pages)
        await t.until("80m15s")
        assert len(t.pages) > written
        assert {one.key for one in t.pages[-1].incidents} == {"a:heartbeat", "supervisor:channel.person"}


async def test_it_shows_what_passes_by_itself() -> None:
    async with town(a=agent(None), b=agent(None), chain=(("caine", "0s"),)) as t:
        await t.until("30m")
        t.beat("b")
        await t.until("76m")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "ada", 300.0)
        await t.control.hold("b", 480.0, "ada")
        await t.control.silence("a*", 600.0, "ada", "move")
        await t.until("76m20s")
        assert [one.acked_by for one in t.pages[-1].incidents] == ["ada"]
        assert [view.modifiers for view in t.pages[-1].agents] == [("silenced",), ("held",)]
        await t.until("84m20s")
        assert [view.modifiers for view in t.pages[-1].agents] == [("silenced",), ()]
        assert [one.by for one in t.logged("agent_released")] == ["its end"]
        await t.until("86m20s")
        assert t.pages[-1].incidents[0].acked_by is None
        assert [view.modifiers for view in t.pages[-1].agents] == [(), ()]
        t.source.say(WatchLost(BEATS, "deleted"))
        await t.sleep("11s")
        assert t.pages[-1].doubts == ("watch_lost",)


async def test_never_more_often_than_every_ten_seconds() -> None:
    async with town(a=agent(), b=agent()) as t:
        await t.sleep("1m")
        before = len(t.pages)
        for number in range(100):
            t.daemon.snapshots.see(AgentReleased("a", "me"))
            await t.sleep("1s" if number % 2 else "900ms")
        assert 8 <= len(t.pages) - before <= 12


async def test_whoever_asks_for_the_page_gets_and_writes_it() -> None:
    async with town(a=agent()) as t:
        page = await t.control.dashboard()
        assert t.files.tail(PAGE, 1000) is not None
        assert page
        assert t.logged("dashboard_written")


async def test_a_page_that_can_not_be_written_is_said_once_and_again_when_it_works() -> None:
    async with town(a=agent()) as t:
        await t.sleep("1m")
        t.page_error = OSError("no folder")
        for _ in range(3):
            assert await t.control.dashboard()
        assert [record.error for record in t.logged("dashboard_failed")] == ["no folder"]
        assert (await t.control.fleet()).page_error == "no folder"
        t.page_error = None
        await t.control.dashboard()
        assert (await t.control.fleet()).page_error == ""
        t.page_error = OSError("no folder")
        await t.control.dashboard()
        assert len(t.logged("dashboard_failed")) == 2


async def test_without_its_history_the_page_is_drawn_all_the_same() -> None:
    async with town(a=agent()) as t:
        await t.sleep("1m")
        t.disk.failing = True
        before = len(t.pages)
        assert await t.control.dashboard()
        assert len(t.pages) == before + 1


async def test_the_page_tells_of_the_whole_story_in_its_order() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.until("76m")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "ada", 600.0)
        t.beat("a")
        await t.sleep("1m")
        events = [row.event for row in t.history if row.event.startswith(("incident", "restart"))]
        restart = ["restart_started", "restart_finished"]
        opened = ["incident_opened", "restart_started", "restart_finished"]
        assert events == [*restart, *opened, "incident_acknowledged", "incident_resolved"]
        assert "heartbeat_missed" not in {row.event for row in t.history}
        assert [row.id for row in t.history] == sorted(row.id for row in t.history)


async def test_the_day_of_a_first_life_begins_with_it() -> None:
    async with town(a=agent()) as t:
        t.beat("a")
        await t.sleep("1h")
        strip = Strips(t.history, t.wall(), ENGLISH).of(await t.view("a"))
        assert "healthy 59 min, not observed 23 h" in strip.svg


async def test_a_clock_that_is_set_back_delays_no_page() -> None:
    async with town(a=agent(None), pulse=1.0) as t:
        await t.sleep("1h")
        t.step_clock(-36000.0)
        await t.sleep("1m")
        written = len(t.pages)
        t.beat("a")
        await t.sleep("15s")
        assert len(t.pages) > written


async def test_a_journal_that_hangs_keeps_no_page_from_being_drawn() -> None:
    async with town(a=agent(None)) as t:
        await t.sleep("1m")
        t.disk.free.clear()
        written = len(t.pages)
        t.beat("a")
        await t.sleep("30s")
        assert len(t.pages) > written
        assert t.history == ()
        t.disk.free.set()


async def test_a_live_page_is_made_anew_and_written_nowhere() -> None:
    async with town(a=agent(None)) as t:
        await t.sleep("1m")
        t.page_error = OSError("no folder")
        assert b"watching" in await t.control.live_page(acting=False)
        assert b"acting" in await t.control.live_page(acting=True)
        assert t.logged("dashboard_failed") == []


async def test_another_plan_of_the_page_is_in_force_at_once() -> None:
    async with town(a=agent(None)) as t:
        await t.sleep("1m")
        written = len(t.pages)
        t.daemon.snapshots.use(PagePlan())
        await t.sleep("11s")
        assert len(t.pages) == written
        t.daemon.snapshots.use(PagePlan(language="es", time_zone="America/Bogota"))
        await t.sleep("11s")
        assert len(t.pages) == written + 1
        assert b"America/Bogota" in t.files.tail(PAGE, 1000).data
