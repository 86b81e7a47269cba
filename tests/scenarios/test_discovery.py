"""Agents that nobody configured: adopted by their files, and forgotten without them."""

from __future__ import annotations

import pytest

from supervisor.domain.health import HealthState
from supervisor.formats.cron import schedule
from supervisor.ports import WatchLost
from tests.support.machine import BEATS
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL


async def names(t: VirtualTown) -> list[str]:
    """Return the agents that are watched, and check that the journal knows no others."""
    await t.sleep("2m")
    watched = sorted(view.name for view in (await t.control.fleet()).agents)
    assert sorted((await t.disk.store.open()).agents) == watched
    return watched


def clear(t: VirtualTown, name: str) -> None:
    t.files.remove(t.place(name))
    t.source.touch(t.place(name))


async def test_who_has_stopped_and_left_nothing_is_forgotten() -> None:
    async with town(a=agent(None), discover=True) as t:
        t.beat("a", "new", kind="stop")
        await t.until("30m")
        clear(t, "a")
        clear(t, "new")
        assert await names(t) == ["a", "new"]
        await t.until("66m")
        assert await names(t) == ["a"], "who is configured stays"
        (said,) = t.logged("agent_forgotten")
        assert (said.record.agent, said.reason) == ("new", "it has stopped, and its files are gone")
        t.beat("new")
        await t.sleep("1s")
        assert (await t.view("new")).status is HealthState.HEALTHY
        assert len(t.logged("unregistered_agent")) == 2


async def test_who_fell_silent_is_escalated_first_and_forgotten_after_a_day_without_a_file() -> None:
    async with town(discover=True) as t:
        await t.until("30m")
        t.beat("new", "old")
        await t.until("40m")
        clear(t, "new")
        await t.until("20h")
        assert {"new:heartbeat", "old:heartbeat"} <= await t.keys()
        await t.again()  # the next life has met no file of it
        await t.until("26h")
        assert await names(t) == ["old"], "its file is there"
        assert t.times("agent_forgotten") == [near(25 * 3600 + 300)]
        over = [one.summary for one in t.logged("incident_resolved", agent="new")]
        assert over == ["no heartbeat for 1 d, and its files are gone"]
        assert ("resolved", "new:heartbeat") in {(kind, key) for _, kind, key in t.heard()}


async def test_who_runs_once_a_week_is_not_forgotten_between_two_runs() -> None:
    async with town(discover=True) as t:
        t.stranger = agent(None, schedule=schedule("0 3 * * sun", "UTC", 900.0))
        t.beat("new")
        await t.sleep("1m")
        clear(t, "new")
        await t.until("72h")  # from Thursday to Sunday
        assert await names(t) == ["new"]
        await t.until("140h")
        assert await names(t) == []


async def test_who_never_beat_is_forgotten_too() -> None:
    async with town(discover=True) as t:
        t.files.write(t.place("new"), b"no heartbeat\n", t.wall())
        t.source.touch(t.place("new"))
        await t.sleep("1m")
        clear(t, "new")
        await t.until("23h")
        assert await names(t) == ["new"]
        await t.until("26h")
        assert await names(t) == []


@pytest.mark.parametrize("observed", [False, True])
async def test_nobody_is_forgotten_while_the_folder_can_not_be_seen(observed: bool) -> None:
    async with town(discover=True) as t:
        t.beat("new", kind="stop")
        await t.sleep("1m")
        if not observed:
            t.source.say(WatchLost(BEATS, "deleted"))
        clear(t, "new")
        await t.until("3h")
        assert await names(t) == ([] if observed else ["new"])
