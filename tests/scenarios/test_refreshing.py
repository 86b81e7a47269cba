"""A channel that keeps something alight is told again of what is open: that is no notification."""

from __future__ import annotations

from itertools import pairwise

import pytest

from supervisor.domain.delivery import Failed
from supervisor.runtime.sender import REFRESHES_LOST
from tests.support.actors import ScriptedBeacon
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

CHAIN = (("beacon", "0s"), ("person", "5m"))
OPENED = 75 * 60.0
"""When an agent without a restarter, that beat at the start, is escalated."""


def lit(t: VirtualTown, **beacon: object) -> ScriptedBeacon:
    made = t.channels["beacon"] = ScriptedBeacon(**beacon)  # type: ignore[arg-type]
    return made


async def test_what_is_open_is_told_again_until_it_is_over_and_nobody_is_notified_of_it() -> None:
    t = town(a=agent(None), chain=CHAIN)
    beacon = lit(t)
    async with t:
        t.beat("a")
        await t.until("81m")
        assert t.heard("beacon") == [(near(OPENED), "triggered", "a:heartbeat")]
        times = [at for at, _ in beacon.refreshed]
        assert len(times) in {5, 6}
        assert [later - earlier for earlier, later in pairwise(times)] == near(*[60.0] * (len(times) - 1))
        (again,) = beacon.refreshed[-1][1]
        (first,) = [said.delivery for said in beacon.heard]
        assert (again.incident, again.message["key"], again.channel) == (first.incident, "a:heartbeat", "beacon")
        assert len(t.logged("notification_sent", channel="beacon")) == 1
        assert len(t.heard("person")) == 1
        t.beat("a")
        await t.sleep("1s")
        known = len(beacon.refreshed)
        await t.sleep("5m")
        assert len(beacon.refreshed) == known
        assert [kind for _, kind, _ in t.heard("beacon")] == ["triggered", "resolved"]


async def test_an_acknowledged_incident_stays_alight() -> None:
    t = town(a=agent(None), chain=CHAIN)
    beacon = lit(t)
    async with t:
        t.beat("a")
        await t.until("76m")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "me", 1800.0)
        known = len(beacon.refreshed)
        await t.sleep("10m")
        assert len(beacon.refreshed) == known + 10


async def test_what_was_never_sent_is_not_refreshed() -> None:
    t = town(a=agent(None), chain=CHAIN)
    beacon = lit(t, usually=Failed("down"))
    async with t:
        t.beat("a")
        await t.until("85m")
        assert beacon.refreshed == []


@pytest.mark.parametrize("softly", [True, False])
async def test_the_next_life_lights_it_at_once(softly: bool) -> None:
    t = town(a=agent(None), chain=CHAIN)
    beacon = lit(t)
    async with t:
        t.beat("a")
        await t.until("76m")
        await (t.stop() if softly else t.kill())
        beacon.refreshed.clear()
        await t.sleep("10m")
        await t.start()
        await t.sleep("2s")
        assert len(beacon.refreshed) == 1
        assert t.heard("beacon") == [(near(OPENED), "triggered", "a:heartbeat")]


@pytest.mark.parametrize("seconds", [-7200.0, 7200.0])
async def test_a_clock_that_is_set_does_not_put_it_out(seconds: float) -> None:
    t = town(a=agent(None), chain=CHAIN)
    beacon = lit(t)
    async with t:
        t.beat("a")
        await t.until("76m")
        t.step_clock(seconds)
        known = len(beacon.refreshed)
        await t.sleep("10m")
        assert len(beacon.refreshed) - known >= 9


async def test_a_channel_that_is_dead_for_some_refreshes_does_not_deliver_until_it_does() -> None:
    t = town(a=agent(None), chain=CHAIN)
    beacon = lit(t)
    async with t:
        t.beat("a")
        await t.until("76m30s")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "me", 7200.0)
        beacon.refusals = [Failed("no connection")] * (REFRESHES_LOST - 1)
        await t.sleep("10m")
        assert not t.logged("incident_opened", key="supervisor:channel.beacon")
        beacon.refusals = [Failed("no connection"), RuntimeError("broken"), *[Failed("no connection")] * 7]
        await t.sleep("9m")
        assert await t.keys() == {"a:heartbeat", "supervisor:channel.beacon"}
        assert [said[1:] for said in t.heard("person")][-1] == ("triggered", "supervisor:channel.beacon")
        await t.sleep("1m")
        assert await t.keys() == {"a:heartbeat"}
        assert [said[1:] for said in t.heard("person")][-1] == ("resolved", "supervisor:channel.beacon")


async def test_a_refusal_for_good_is_told_at_once() -> None:
    t = town(a=agent(None), chain=CHAIN)
    beacon = lit(t)
    async with t:
        t.beat("a")
        await t.until("76m30s")
        beacon.refusals = [Failed("HTTP 401", permanent=True)]
        await t.sleep("1m")
        assert "supervisor:channel.beacon" in await t.keys()


async def test_a_beacon_that_hangs_holds_up_itself_alone() -> None:
    t = town(a=agent(None), b=agent(None), chain=CHAIN)
    beacon = lit(t)
    async with t:
        t.beat("a")
        await t.until("50m")
        t.beat("b")
        await t.until("76m")
        beacon.takes = 1e6
        await t.sleep("9m")
        assert t.heard("person")[0] == (near(OPENED + 300), "triggered", "a:heartbeat")
        assert (await t.view("b")).status == "healthy"
        assert "supervisor:channel.beacon" in await t.keys()


async def test_a_refresh_does_not_take_back_that_a_notice_was_refused() -> None:
    t = town(a=agent(None), b=agent(None), chain=CHAIN)
    beacon = lit(t)
    async with t:
        t.beat("a")
        await t.until("20m30s")
        t.beat("b")
        await t.until("95m20s")
        beacon.answers = [Failed("bad label", permanent=True)]
        await t.until("99m30s")
        assert t.logged("incident_opened", key="supervisor:channel.beacon")
        assert len(beacon.refreshed) > 10
        assert not t.logged("incident_resolved", key="supervisor:channel.beacon")
        t.beat("a")
        await t.sleep("1m")
        assert t.logged("incident_resolved", key="supervisor:channel.beacon")
