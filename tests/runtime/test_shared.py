from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from supervisor.runtime.shared import Shared
from tests.support.world import VIRTUAL

pytestmark = VIRTUAL


class Work:
    """Takes a second; returns how often it was done, or fails."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.broken = False
        self._numbers: Iterator[int] = count(1)

    async def __call__(self) -> int:
        self.begun.append(asyncio.get_running_loop().time())
        number = next(self._numbers)
        await asyncio.sleep(1)
        if self.broken:
            raise OSError("no")
        return number


async def test_who_asks_while_it_is_done_gets_the_next_one_and_shares_it() -> None:
    work = Work()
    shared = Shared("work", work)
    first = [asyncio.create_task(shared.get()) for _ in range(100)]
    await asyncio.sleep(0.5)
    second = [asyncio.create_task(shared.get()) for _ in range(100)]
    assert set(await asyncio.gather(*first)) == {1}
    assert set(await asyncio.gather(*second)) == {2}
    assert await shared.get() == 3
    assert [b - a for a, b in zip(work.begun, work.begun[1:], strict=False)] == [1.0, 1.0]


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    shared = Shared("work", Work())
    leaves, stays = asyncio.create_task(shared.get()), asyncio.create_task(shared.get())
    await asyncio.sleep(0.5)
    leaves.cancel()
    assert await stays == 1


async def test_an_error_is_told_to_those_who_shared_it_and_to_no_other() -> None:
    work = Work()
    shared = Shared("work", work)
    work.broken = True
    first = [asyncio.create_task(shared.get()) for _ in range(2)]
    for one in first:
        with pytest.raises(OSError, match="no"):
            await one
    work.broken = False
    assert await shared.get() == 2


async def test_an_error_that_nobody_waits_for_is_no_ones() -> None:
    work = Work()
    shared = Shared("work", work)
    work.broken = True
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(shared.get(), 0.5)
    await asyncio.sleep(1)
    work.broken = False
    assert await shared.get() == 2
