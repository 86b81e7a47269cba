"""A week of twenty agents, with everything that happens in a week; and a thousand incidents at once."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from supervisor.domain.delivery import Delivered, Failed
from supervisor.domain.health import HealthState
from supervisor.ports import WatchLost, WatchRestored
from supervisor.runtime.plan import BooksPlan
from tests.support.machine import BEATS
from tests.support.world import VIRTUAL, VirtualTown, agent, town

pytestmark = VIRTUAL

NO_BOOKS = BooksPlan(resync_every=30 * 86400.0)
NAMES = [f"agent-{number:02}" for number in range(20)]
HOUR = 3600.0
WEEK = 7 * 24 * HOUR


class Ways:
    """How an agent spends its week: it beats every half hour, but for its outages (begin, end: s)."""

    def __init__(self, name: str) -> None:
        chance = random.Random(name)
        self.first = chance.uniform(0, 1800)
        begins = [chance.uniform(day * 24 + 2, day * 24 + 12) * HOUR for day in chance.sample(range(6), 3)]
        self.outages = sorted((at, at + chance.uniform(2.5, 9) * HOUR) for at in begins)

    async def live(self, t: VirtualTown, name: str) -> int:
        """Beat until the week is over; return how often."""
        await asyncio.sleep(self.first)
        beats = 0
        while t.t < WEEK - 10:
            if not any(begin <= t.t < end for begin, end in self.outages):
                t.beat(name, seq=beats)
                beats += 1
            await asyncio.sleep(1800)
        return beats


async def mishaps(t: VirtualTown) -> None:
    """What else happens: a deaf watcher, a full disk, a dead channel, a sleep, a wrong clock, new lives."""
    await t.until("20h")
    t.source.say(WatchLost(BEATS, "removed"))
    await t.sleep("2m")
    t.source.say(WatchRestored(BEATS, "events"))
    t.source.relist("restored")
    await t.until("30h")
    t.disk.failing = True
    await t.sleep("3h")
    t.disk.failing = False
    await t.until("50h")
    t.channel().usually = Failed("connection refused")
    await t.sleep("6h")
    t.channel().usually = Delivered()
    await t.until("70h")
    t.suspend("1h")
    await t.until("90h")
    t.step_clock(-2 * HOUR)
    await t.until("100h")
    t.step_clock(3 * HOUR)
    for hour in (110, 120, 121, 140):
        await t.until(f"{hour}h")
        await t.again()
    await t.until("150h")
    t.source.fail(OSError("no watches left"))


def over_while_deaf(t: VirtualTown, incident: str) -> bool:
    """Whether the incident came and went while the channel was dead."""
    (opened,) = t.times("incident_opened", incident=incident)
    (resolved,) = t.times("incident_resolved", incident=incident)
    return 50 * HOUR < opened < resolved < 56 * HOUR + 600


async def test_a_week_of_twenty_agents() -> None:
    async with town(books=NO_BOOKS, **{name: agent() for name in NAMES}) as t:
        ways = {name: Ways(name) for name in NAMES}
        async with asyncio.TaskGroup() as group:
            lives = [group.create_task(ways[name].live(t, name)) for name in NAMES]
            group.create_task(mishaps(t))
        await t.sleep("1m")
        for task in lives:
            assert task.result() > 250
        fleet = await t.control.fleet()
        assert {view.status for view in fleet.agents} == {HealthState.HEALTHY}
        assert fleet.incidents == ()
        assert t.daemon.desk.deliveries == {}
        assert fleet.observed
        # Each outage was one incident, which was told and whose end was told.
        for name in NAMES:
            opened = [record.incident for record in t.logged("incident_opened", agent=name)]
            assert len(opened) == len(ways[name].outages) == 3, name
            heard = [said.delivery for said in t.channel().heard if said.delivery.message.get("agent") == name]
            for incident in opened:
                kinds = [delivery.kind.value for delivery in heard if delivery.incident == incident]
                if not kinds:
                    assert over_while_deaf(t, incident)
                    continue
                assert kinds[0] == "triggered", (name, kinds)
                assert kinds[-1] == "resolved", (name, kinds)
                assert kinds.count("triggered") == kinds.count("resolved") == 1
        assert len({said.delivery.id for said in t.channel().heard}) == len(t.channel().heard)
        # No restart but in an outage.
        for name in NAMES:
            for at in t.restarts(name):
                assert any(begin < at < end + 60 for begin, end in ways[name].outages), (name, at)
        assert len(t.logged("heartbeat_missed")) > 60 * 5
        assert len(t.logged("journal_failed")) == len(t.logged("journal_restored")) == 1


@pytest.mark.parametrize("count", [1000])
async def test_a_thousand_incidents_at_once(count: int) -> None:
    """Ten times as many take no more than some twenty times as long: nothing looks at all of them for each."""

    async def cost(agents: int) -> float:
        async with town(**{f"a{number}": agent(None, check_interval=60.0) for number in range(agents)}) as t:
            t.beat(*t.agents)
            await t.until("61m")
            began = time.process_time()
            await t.until("75m")
            t.beat(*t.agents)
            await t.sleep("1m")
            spent = time.process_time() - began
            assert len(t.logged("incident_opened")) == agents + 1
            assert await t.keys() == set()
            assert len(t.channel().heard) >= 2 * agents
            return spent

    few, many = await cost(count // 10), await cost(count)
    assert many < 25 * few, (few, many)
