"""The tail that all streams share: read once, and whoever is behind misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from supervisor.faces import tail
from supervisor.faces.tail import Tail
from supervisor.ports import Row
from tests.support.control import JOURNAL_BROKEN, MemoryControl


class Counted(MemoryControl):
    """Counts how often its journal is read."""

    reads = 0

    async def rows(self, **query: Any) -> Sequence[Row]:
        self.reads += 1
        return await super().rows(**query)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "LOOKS", (0.0, 0.01))


@pytest.fixture
def control() -> Counted:
    return Counted()


@pytest.fixture
async def shared(control: Counted) -> AsyncIterator[Tail]:
    control.record("before")
    yield Tail(control)
    assert control.followers == set()


async def come(shared: Tail, position: int) -> bool:
    async with asyncio.timeout(10):
        return await shared.wait(position)


async def test_all_who_follow_cost_the_journal_one(shared: Tail, control: Counted) -> None:
    async with shared.joined(), shared.joined(), shared.joined():
        assert shared.newest == 1
        before = control.reads
        control.record("news", "mailer")
        assert await asyncio.gather(*(come(shared, 1) for _ in range(100))) == [True] * 100
        assert [piece.id for piece in await shared.after(1, None)] == [2]
        assert [piece.id for piece in await shared.after(1, "mailer")] == [2]
        assert await shared.after(1, "watcher") == []
        assert await shared.after(2, None) == []
        assert control.reads == before + 1


async def test_who_is_far_behind_reads_the_journal(
    shared: Tail, control: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_KEPT", 2)
    shared = Tail(control)
    async with shared.joined():
        for number in range(5):
            control.record("news", "mailer" if number % 2 else "watcher")
        await come(shared, 5)
        assert [piece.id for piece in await shared.after(5, None)] == [6]
        assert [piece.id for piece in await shared.after(4, None)] == [5, 6]
        assert [piece.id for piece in await shared.after(1, None)] == [2, 3, 4, 5, 6]
        assert [piece.id for piece in await shared.after(1, "mailer")] == [3, 5]


async def test_what_was_not_on_disk_yet_comes_with_the_next_look(
    shared: Tail, control: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "HEARTBEAT", 0.1)
    async with shared.joined():
        control.broken = JOURNAL_BROKEN
        control.record("late")
        await asyncio.sleep(0.05)
        assert shared.newest == 1
        control.broken = None
        assert await come(shared, 1)


async def test_where_there_will_be_none_nobody_waits(shared: Tail, control: Counted) -> None:
    async with shared.joined():
        waiting = asyncio.create_task(come(shared, 1))
        await asyncio.sleep(0.05)
        control.end_following()
        assert await waiting is False
        async with shared.joined():  # the next who comes begins anew
            control.record("news")
            assert await come(shared, 1)


async def test_a_journal_that_can_not_be_read_is_said_and_nothing_is_left(shared: Tail, control: Counted) -> None:
    control.broken = JOURNAL_BROKEN
    with pytest.raises(type(JOURNAL_BROKEN)):
        async with shared.joined():
            pytest.fail("it can not be followed")
    control.broken = None
    async with shared.joined():
        assert shared.newest == 1


async def test_who_leaves_at_once_leaves_no_ear_behind(shared: Tail) -> None:
    async with shared.joined():
        pass
    assert {task.get_name() for task in asyncio.all_tasks()} & {"hints of events", "tail of events"} == set()
