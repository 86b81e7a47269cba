"""The dashboard's file: hourly, after each transition, never too often."""

from __future__ import annotations

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


async def test_never_more_often_than_every_ten_seconds() -> None:
    async with town(a=agent(), b=agent()) as t:
        await t.sleep("1m")
        before = len(t.pages)
        for number in range(100):
            t.daemon.snapshots.touch()
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
        t.page_error = None
        await t.control.dashboard()
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
