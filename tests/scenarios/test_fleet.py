"""A thousand agents that fall silent at once, and are not to blame: no restart, and one incident of the fleet."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from supervisor.domain.vitals import HealthState
from tests.support.machine import BEATS
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

NAMES = tuple(f"agent-{number:04}" for number in range(1000))
HALF_HOUR = 1800.0


def thousand(pulse: float = 60.0) -> VirtualTown:
    return town(**dict.fromkeys(NAMES, agent()), pulse=pulse)


@contextmanager
def in_turn(t: VirtualTown) -> Iterator[None]:
    """Let them beat every half an hour, each at a time of its own."""

    async def live() -> None:
        while True:
            for first in range(0, len(NAMES), 100):
                t.beat(*NAMES[first : first + 100])
                await asyncio.sleep(HALF_HOUR * 100 / len(NAMES))

    life = asyncio.create_task(live())
    try:
        yield
    finally:
        life.cancel()


def unmount(t: VirtualTown) -> None:
    """Put an empty folder in the place of the heartbeats', as it lies below a mount."""
    for name in NAMES:
        t.files.remove(t.place(name))
    t.source.relist("replaced by another folder")


def restarted(t: VirtualTown) -> int:
    return len(t.logged("restart_started"))


def told(t: VirtualTown) -> list[tuple[str, str]]:
    return [(kind, key) for _, kind, key in t.heard()]


async def test_whose_disk_was_unmounted() -> None:
    async with thousand() as t:
        with in_turn(t):
            await t.until("1h")
        unmount(t)
        await t.sleep("3h")
        assert restarted(t) == 0
        assert t.logged("heartbeat_missed") == []
        assert told(t) == [("triggered", "fleet:silent")]
        assert t.heard()[0][0] == near(3600 + 600)
        assert "heartbeat files" in t.channel().heard[0].delivery.message["summary"]
        with in_turn(t):  # mounted again
            await t.sleep("35m")
        assert restarted(t) == 0
        assert told(t) == [("triggered", "fleet:silent"), ("resolved", "fleet:silent")]
        assert (await t.control.fleet()).observed


async def test_whose_disk_is_away_while_the_supervisor_begins_anew() -> None:
    async with thousand() as t:
        with in_turn(t):
            await t.until("1h")
        unmount(t)
        await t.sleep("1m")
        await t.again()
        await t.sleep("3h")
        assert restarted(t) == 0
        assert told(t) == [("triggered", "fleet:silent")]


async def test_whose_files_are_removed_one_by_one() -> None:
    async with thousand() as t:
        with in_turn(t):
            await t.until("1h")
        for name in NAMES[:499]:
            t.remove(t.place(name))
        await t.sleep("1s")
        assert (await t.control.fleet()).observed
        t.remove(t.place(NAMES[499]))
        await t.sleep("1s")
        assert (await t.control.fleet()).doubts == ("files_vanished",)


async def test_whose_files_can_not_be_read_any_more() -> None:
    async with thousand() as t:
        with in_turn(t):
            await t.until("1h")
        for name in NAMES:
            t.files.mark_broken(t.place(name), PermissionError(errno.EACCES, "Permission denied"))
            t.source.touch(t.place(name))
        await t.sleep("12m")
        (incident,) = (await t.control.fleet()).incidents
        assert incident.key == "fleet:silent"
        assert f"the heartbeat files can not be read in {BEATS}" in incident.summary
        await t.sleep("3h")
        assert restarted(t) == 0
        for name in NAMES:
            t.remove(t.place(name))
        t.beat(*NAMES)
        await t.sleep("1m")
        assert (await t.control.fleet()).observed
        assert told(t) == [("triggered", "fleet:silent"), ("resolved", "fleet:silent")]
        assert restarted(t) == 0


async def test_who_never_beat_have_no_files_that_could_vanish() -> None:
    async with thousand() as t:
        t.beat(NAMES[0])
        await t.sleep("1m")
        t.source.relist("asked for")
        await t.sleep("1m")
        assert (await t.control.fleet()).observed


@pytest.mark.parametrize("length", ["90m", "12h"])
async def test_whose_machine_slept(length: str) -> None:
    async with thousand(pulse=1.0) as t:
        t.beat(*NAMES)
        await t.until("50m")
        t.suspend(length)
        await t.until("62m")
        assert restarted(t) == 0
        assert told(t) == [("triggered", "fleet:silent")]
        t.beat(*NAMES)
        await t.sleep("2m")
        assert told(t) == [("triggered", "fleet:silent"), ("resolved", "fleet:silent")]
        assert restarted(t) == 0


async def test_while_the_supervisor_was_stopped_and_so_were_they() -> None:
    async with thousand(pulse=1.0) as t:
        with in_turn(t):
            await t.until("1h")
        t.stall("90m")
        await t.sleep("5m")
        assert t.logged("gate_closed", reason="loop_stalled")
        assert restarted(t) == 0
        assert told(t) == [("triggered", "fleet:silent")]
        t.beat(*NAMES)
        await t.sleep("1m")
        assert told(t) == [("triggered", "fleet:silent"), ("resolved", "fleet:silent")]


async def test_while_the_supervisor_was_stopped_and_they_were_not() -> None:
    async with thousand(pulse=1.0) as t:
        with in_turn(t):
            await t.until("1h")
        wall = t.wall()
        t.stall("90m")
        for name in NAMES:
            t.files.append(t.place(name), t.line(), wall + 5000)
        with in_turn(t):
            await t.sleep("2h")
        assert restarted(t) == 0
        assert told(t) == []


def forbid(t: VirtualTown, *names: str) -> None:
    for name in names:
        t.files.mark_broken(t.place(name), PermissionError(errno.EACCES, "Permission denied"))
        t.source.touch(t.place(name))


async def test_who_can_be_seen_is_judged_while_others_can_not() -> None:
    async with town(a=agent(), b=agent(), c=agent(), d=agent()) as t:
        t.beat("a", "b", "c", "d")
        await t.sleep("5m")
        forbid(t, "a", "b")
        living = asyncio.create_task(t.beating("d", every="10m"))
        await t.sleep("3h")
        assert [t.restarts(name) for name in "abd"] == [[], [], []]
        assert t.restarts("c")
        assert (await t.view("c")).status is HealthState.ESCALATED
        assert {"fleet:silent", "c:heartbeat"} == {key for kind, key in told(t) if kind == "triggered"}
        assert not (await t.control.fleet()).observed
        living.cancel()


async def test_the_time_that_was_lost_is_theirs_who_could_not_be_seen() -> None:
    async with town(a=agent(), b=agent(), c=agent(), d=agent()) as t:
        t.beat("a", "b", "c", "d")
        await t.sleep("50m")
        living = asyncio.create_task(t.beating("d", every="10m"))
        forbid(t, "a", "b")
        await t.sleep("5m")
        for name in ("a", "b"):
            t.remove(t.place(name))
            t.beat(name)
        await t.sleep("20m")
        assert [round(at) for at in t.times("heartbeat_missed", agent="c")] == [3600]
        assert (await t.view("a")).consecutive_misses == 0
        living.cancel()
