"""An alarm without a daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from supervisor.domain.delivery import Delivered, Delivery, Failed, Outcome
from supervisor.domain.messages import unit_message
from supervisor.domain.policy import Chain, Step
from supervisor.runtime.alarm import alarm
from supervisor.runtime.plan import ChannelPlan
from tests.support.world import VIRTUAL, VirtualTown

pytestmark = VIRTUAL

MESSAGE = unit_message("x.service", "watchdog", "ended by SIGABRT", ["one"], 0.0, user=False)


class Channel:
    """Answers with these, one after another."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Delivery] = []
        self.closed = False

    async def send(self, delivery: Delivery) -> Outcome:
        self.sent.append(delivery)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None:
        self.closed = True


async def raised(channels: dict[str, Channel | None], steps: Iterable[str]) -> dict[str, Outcome]:
    """Raise the alarm; a channel that is None can not be made."""
    made = {name: one for name, one in channels.items() if one is not None}
    plan = VirtualTown(chain=Chain(tuple(Step(name, 300.0 * place) for place, name in enumerate(steps)))).plan()
    chosen: dict[str, Any] = {name: ChannelPlan(None, lambda name=name: made[name]) for name in channels}
    object.__setattr__(plan, "channels", chosen)
    return await alarm(plan, MESSAGE, "unit.x", 0.0)


async def test_everyone_in_the_chain_is_told_at_once_and_nobody_twice() -> None:
    a, b, c = Channel(Delivered()), Channel(Delivered()), Channel()
    assert await raised({"a": a, "b": b, "c": c}, ["a", "b", "a"]) == {"a": Delivered(), "b": Delivered()}
    assert [delivery.id for delivery in a.sent + b.sent] == ["unit.x.a", "unit.x.b"]
    assert (a.closed, b.closed, c.closed) == (True, True, False)


async def test_a_channel_that_fails_is_tried_again_and_holds_up_no_other() -> None:
    slow, quick = Channel(Failed("busy"), OSError("no network"), Delivered()), Channel(Delivered())
    assert set((await raised({"slow": slow, "quick": quick}, ["slow", "quick"])).values()) == {Delivered()}
    assert len({delivery.id for delivery in slow.sent}) == 1 < len(slow.sent)


async def test_in_the_end_it_is_told_who_was_not_reached() -> None:
    refuses, silent = Channel(Failed("gone", permanent=True)), Channel(*[Failed("busy", retry_after=9.0)] * 4)
    found = await raised({"a": refuses, "b": silent}, ["a", "b"])
    assert found == {"a": Failed("gone", permanent=True), "b": Failed("busy", retry_after=9.0)}
    assert (len(refuses.sent), len(silent.sent)) == (1, 4)


async def test_all_tries_are_made_before_systemd_ends_the_alert_whatever_a_server_asks_for() -> None:
    busy = Channel(*[Failed("busy", retry_after=3600.0)] * 3, Delivered())
    begun = asyncio.get_running_loop().time()
    assert await raised({"a": busy}, ["a"]) == {"a": Delivered()}
    assert asyncio.get_running_loop().time() - begun <= 120.0


async def test_a_channel_that_can_not_be_made_keeps_nobody_else_from_being_told() -> None:
    good = Channel(Delivered())
    found = await raised({"a": None, "b": good}, ["a", "b"])
    assert found == {"a": Failed("KeyError: 'a'", permanent=True), "b": Delivered()}
