from __future__ import annotations

import asyncio
from pathlib import Path

from supervisor.domain.policy import Expectation
from tests.support.world import VIRTUAL, agent, town

pytestmark = VIRTUAL

OUT = Path("/out/report.csv")
EXPECTS = (Expectation(str(OUT), 3600.0),)


async def test_a_disk_that_hangs_under_what_one_makes_holds_up_no_heartbeat_of_another() -> None:
    async with town(a=agent(None, expects=EXPECTS), b=agent(None)) as t:
        t.write(OUT, b"1")
        t.beat("a", "b")
        await t.until("50m")
        t.looks.clear()
        t.beat("a", "b")
        await t.until("100m")
        t.beat("b")
        await t.sleep("1s")
        assert (await t.control.fleet()).observed
        assert (await t.view("b")).last_heartbeat == t.wall() - 1
        (lost,) = t.logged("watch_lost", path=str(OUT))
        assert lost.reason == "looking at it takes longer than 5 s"
        t.looks.set()
        t.write(OUT, b"2")
        await t.sleep("20m")
        assert t.logged("watch_restored", path=str(OUT))


async def test_what_can_be_looked_at_is_told_though_another_hangs() -> None:
    async with town(a=agent(None)) as t:
        lookout = t.daemon.lookout
        t.write(OUT, b"1")
        assert await lookout.newest([str(OUT), "/nothing"]) == {str(OUT): t.wall(), "/nothing": None}
        t.looks.clear()
        asyncio.get_running_loop().call_later(3, t.looks.set)
        assert set(await lookout.newest([str(OUT)])) == {str(OUT)}
