"""What the source says -> who must look."""

from __future__ import annotations

from pathlib import Path

from supervisor.domain.vitals import HealthState
from supervisor.ports import Alive, WatchLost, WatchRestored
from tests.support.machine import BEATS
from tests.support.world import VIRTUAL, agent, near, town

pytestmark = VIRTUAL

STATE = Path("/state")


async def test_a_hint_is_read_wherever_it_lies() -> None:
    async with town(a=agent()) as t:
        t.files.append(t.place("a"), t.line(), t.wall())
        t.source.touch(Path("/state/a.log"), STATE / "client" / "inv.json")
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.UNKNOWN
        t.source.touch(t.place("a"))
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.HEALTHY


async def test_a_listing_reads_what_no_hint_told_of() -> None:
    async with town(a=agent()) as t:
        t.files.append(t.place("a"), t.line(), t.wall())
        t.source.relist("walk")
        await t.sleep("1s")
        assert (await t.view("a")).status is HealthState.HEALTHY
        assert [record.reason for record in t.logged("resync")] == ["start", "walk"]


async def test_what_is_no_regular_file_is_in_no_listing_and_said_all_the_same() -> None:
    async with town(a=agent()) as t:
        t.files.mark_odd(t.place("a"), "a FIFO")
        t.source.relist("walk")
        await t.sleep("1s")
        assert len(t.logged("heartbeat_invalid", agent="a")) == 1


async def test_another_root_that_is_lost_is_said_and_closes_no_gate() -> None:
    async with town(a=agent()) as t:
        await t.sleep("31s")
        t.source.say(WatchLost(STATE, "removed"), WatchRestored(STATE, "polling"))
        await t.sleep("1s")
        assert [record.path for record in t.logged("watch_lost")] == [str(STATE)]
        assert [(record.path, record.means) for record in t.logged("watch_restored")] == [(str(STATE), "polling")]
        assert (await t.control.fleet()).observed


async def test_a_sign_of_life_is_one() -> None:
    async with town(a=agent()) as t:
        await t.sleep("10m")
        router = t.daemon._router
        before = router.ticked_at
        t.source.say(Alive())
        await t.sleep("1s")
        assert router.ticked_at == near(before + 600)


async def test_lost_twice_restored_once_is_restored() -> None:
    async with town(a=agent()) as t:
        await t.sleep("31s")
        t.source.say(WatchLost(BEATS, "x"), WatchLost(BEATS, "y"), WatchRestored(BEATS, "events"))
        await t.sleep("31s")
        assert (await t.control.fleet()).observed
