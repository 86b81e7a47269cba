"""Where a coroutine waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from supervisor.clocks import SystemClock
from supervisor.runtime.mailbox import Mailbox
from tests.support.world import VIRTUAL

pytestmark = VIRTUAL


class Wall:
    """A clock whose wall can be set."""

    def __init__(self) -> None:
        self.offset = 0.0
        loop = asyncio.get_running_loop()
        self.clock = SystemClock(steady=loop.time, wall=lambda: 1000.0 + loop.time() + self.offset, boot=loop.time)

    def step(self, seconds: float) -> None:
        self.offset += seconds
        self.clock.resync()


def soon(seconds: float, call: Callable[..., Any], *args: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, call, *args)


def elapsed() -> float:
    return round(asyncio.get_running_loop().time(), 3)


async def test_items_come_in_order_and_before_the_deadline() -> None:
    wall = Wall()
    box: Mailbox[int] = Mailbox(wall.clock)
    for item in range(3):
        box.put(item)
    assert [await box.next(0.0) for _ in range(4)] == [0, 1, 2, None]


async def test_an_item_wakes_the_reader() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    soon(5, box.put, "late")
    assert await box.next(None) == "late"
    assert elapsed() == 5


async def test_the_deadline_wakes_the_reader() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    assert await box.next(1007.0) is None
    assert elapsed() == 7


@pytest.mark.parametrize("later", [1020.0, 1004.0])
async def test_the_deadline_is_moved(later: float) -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    soon(3, box.put, "moved")
    assert await box.next(1010.0) == "moved"
    assert await box.next(later) is None
    assert elapsed() == later - 1000


async def test_a_deadline_that_moves_later_needs_no_new_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall()
    loop = asyncio.get_running_loop()
    box: Mailbox[int] = Mailbox(wall.clock)
    made: list[float] = []
    call_at = loop.call_at

    def counted(when: float, *args: Any, **more: Any) -> asyncio.TimerHandle:
        made.append(when)
        return call_at(when, *args, **more)

    monkeypatch.setattr(loop, "call_at", counted)
    for number in range(1000):
        box.put(number)
        await box.next(1100.0 + number)
        reader = asyncio.ensure_future(box.next(1100.0 + number))
        await asyncio.sleep(0)
        box.put(number)
        await reader
    assert len(made) == 1


async def test_without_a_deadline_an_old_timer_means_nothing() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    soon(1, box.put, "x")
    await box.next(1002.0)
    soon(10, box.put, "y")
    assert await box.next(None) == "y"


async def test_a_timer_that_rings_while_nobody_waits() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    soon(1, box.put, "x")
    await box.next(1002.0)
    await asyncio.sleep(5)
    assert await box.next(1010.0) is None
    assert elapsed() == 10


async def test_a_reader_that_is_cancelled_leaves_everything_in_place() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    reader = asyncio.ensure_future(box.next(1050.0))
    await asyncio.sleep(1)
    reader.cancel()
    await asyncio.wait({reader})
    box.put("kept")
    assert await box.next(1050.0) == "kept"
    assert await box.next(1050.0) is None
    assert elapsed() == 50


async def test_rings_are_heard_once() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    for _ in range(5):
        box.ring()
    assert await box.next(1030.0) is None
    assert elapsed() == 0
    soon(3, box.ring)
    assert await box.next(1030.0) is None
    assert elapsed() == 3
    assert await box.next(1030.0) is None
    assert elapsed() == 30


async def test_an_item_is_not_lost_to_a_ring() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    box.ring()
    box.put("x")
    assert await box.next(None) == "x"
    assert await box.next(1000.0) is None


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
async def test_after_a_step_of_the_clock_the_deadline_is_where_the_clock_says(step: float) -> None:
    """A timer that was set before must not let one ring late that has come nearer."""
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    soon(1, box.put, "x")
    await box.next(1100.0)
    wall.step(step)
    assert await box.next(1005.0 + step) is None
    assert elapsed() == 5


async def test_a_step_that_nobody_was_told_of_is_noticed_when_the_timer_rings() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    soon(1, wall.step, -20.0)
    assert await box.next(1010.0) is None
    assert elapsed() == 30


async def test_close_returns_what_nobody_took_and_stops_the_timer() -> None:
    wall = Wall()
    box: Mailbox[str] = Mailbox(wall.clock)
    soon(1, box.put, "x")
    await box.next(1002.0)
    box.put("left")
    assert box.close() == ["left"]
    assert box.close() == []
    assert box._timer is None
