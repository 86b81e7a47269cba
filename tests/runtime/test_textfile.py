"""The metrics' file: written in time, and where it can not be, that is said once and the old one stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from supervisor.runtime.plan import TextfilePlan
from tests.support.world import VIRTUAL, VirtualTown, agent, town

pytestmark = VIRTUAL

FILE = Path("/node/collections.prom")
EVERY = TextfilePlan(FILE, 15.0)


def lines(t: VirtualTown) -> list[str]:
    tail = t.files.tail(FILE, 100_000)
    assert tail is not None
    return tail.data.decode().splitlines()


async def test_it_is_written_again_and_again() -> None:
    async with town(a=agent(heartbeat_timeout=600.0), textfile=EVERY) as t:
        t.beat("a")
        await t.sleep("1m")
        assert 'collections_agent_up{agent="a"} 1.0' in lines(t)
        await t.sleep("10m")
        assert 'collections_agent_up{agent="a"} 0.0' in lines(t)
        assert 'collections_heartbeat_misses_total{agent="a"} 1.0' in lines(t)


async def test_a_failure_is_said_once_and_the_old_file_stays() -> None:
    async with town(a=agent(), textfile=EVERY) as t:
        t.beat("a")
        await t.sleep("1m")
        before = lines(t)
        t.textfile_error = OSError(28, "No space left on device")
        await t.sleep("5m")
        assert lines(t) == before
        assert [one.error for one in t.logged("textfile_failed", file=str(FILE))] == ["No space left on device"]
        t.textfile_error = None
        await t.sleep("16s")
        assert lines(t) != before
        t.textfile_error = OSError(28, "No space left on device")
        await t.sleep("1m")
        assert len(t.logged("textfile_failed")) == 2


async def test_a_reload_moves_it() -> None:
    async with town(a=agent()) as t:
        await t.sleep("1m")
        assert FILE not in t.files.paths()
        t.textfile = EVERY
        await t.reload()
        await t.sleep("1s")
        assert lines(t)
        t.textfile = replace(EVERY, file=Path("/other.prom"))
        await t.reload()
        await t.sleep("1s")
        assert Path("/other.prom") in t.files.paths()


async def test_counters_begin_anew_with_each_life() -> None:
    async with town(a=agent(kind=None, heartbeat_timeout=600.0), textfile=EVERY) as t:
        await t.sleep("11m")
        assert 'collections_heartbeat_misses_total{agent="a"} 1.0' in lines(t)
        await t.again()
        await t.sleep("1m")
        assert 'collections_heartbeat_misses_total{agent="a"} 0.0' in lines(t)
