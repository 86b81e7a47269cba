"""The dead man's switch: heard while the supervisor is well, and silent when it is not."""

from __future__ import annotations

from collections.abc import Callable

from supervisor.runtime.plan import PingPlan
from tests.support.world import VIRTUAL, VirtualTown, agent, town

pytestmark = VIRTUAL


class Outside:
    """Implements `ports.Ping`: the service that listens."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.heard: list[float] = []
        self.error: str | None = None

    async def send(self) -> str | None:
        if self.error is None:
            self.heard.append(self.now())
        return self.error


def listening(t: VirtualTown, interval: float = 60.0) -> Outside:
    outside = Outside(lambda: t.t)
    t.ping = PingPlan(outside, interval)
    return outside


def whole(t: VirtualTown, outside: Outside) -> list[int]:
    return [round(at) for at in outside.heard]


async def test_it_is_heard_at_once_and_every_interval() -> None:
    t = town(a=agent())
    outside = listening(t)
    async with t:
        await t.until("150s")
    assert whole(t, outside) == [0, 60, 120]


async def test_it_is_silent_while_a_service_stands_still() -> None:
    t = town(a=agent())
    outside = listening(t)
    async with t:
        await t.until("90s")
        services = t.daemon._pulse._services
        t.daemon._pulse._services = {"timers": (lambda: t.daemon._world.clock.now() - 61, 60.0)}
        await t.until("290s")
        assert whole(t, outside) == [0, 60]
        t.daemon._pulse._services = services
        await t.until("310s")
        assert whole(t, outside) == [0, 60, 300]


async def test_a_silent_agent_is_no_reason_to_be_silent() -> None:
    t = town(a=agent(kind=None, heartbeat_timeout=100.0))
    outside = listening(t)
    async with t:
        await t.until("31m")
        assert t.logged("heartbeat_missed")
        assert len(outside.heard) == 32


async def test_nobody_who_listens_is_said_once_and_no_agent_s_matter() -> None:
    t = town(a=agent())
    outside = listening(t)
    async with t:
        await t.until("30s")
        outside.error = "example.org answered HTTP 500"
        await t.until("10m30s")
        assert [one.error for one in t.logged("ping_failed")] == [outside.error]
        assert await t.keys() == set()
        outside.error = None
        await t.until("11m30s")
        assert [one.seconds for one in t.logged("ping_restored")] == [600.0]
        assert len(t.logged("ping_failed")) == 1


async def test_a_reload_names_another() -> None:
    t = town(a=agent())
    first = listening(t)
    async with t:
        await t.until("30s")
        second = listening(t, 20.0)
        await t.reload()
        await t.until("75s")
        assert whole(t, second) == [30, 50, 70]
        t.ping = PingPlan()
        await t.reload()
        await t.until("5m")
        assert (whole(t, first), len(second.heard)) == ([0], 3)
