"""Heartbeat files -> beats, by files in memory and real ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.events import BeatKind
from supervisor.domain.messages import utc
from supervisor.runtime.reader import TAIL, TORN_PATIENCE
from tests.support.benches import Bench, MemoryGround, RealGround
from tests.support.files import MemoryFiles
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL


@pytest.fixture(params=[MemoryGround, RealGround], ids=["memory", "real"])
def begin(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[VirtualTown], Bench]:
    return lambda t: Bench(t, request.param(tmp_path), tmp_path)


Begin = Callable[[VirtualTown], Bench]


async def test_nothing_is_there_yet(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        assert await bench.read() == []
        assert bench.errors() == []


async def test_a_log_is_read_on_from_where_it_was_left(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        for seq in range(3):
            await t.sleep("1m")
            bench.append(bench.line(seq=seq))
            assert await bench.seqs() == [seq]
            assert await bench.seqs() == []


async def test_of_many_new_lines_each_lifes_newest_is_told(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        for seq in range(10):
            await t.sleep("1s")
            bench.append(bench.line(seq=seq, incarnation="1" if seq < 5 else "2"))
        assert await bench.seqs() == [4, 9]


async def test_a_document_is_replaced_or_rewritten(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.ground.write("a.json", bench.line(seq=1), t.wall())
        assert await bench.seqs() == [1]
        assert await bench.seqs() == []
        await t.sleep("1m")
        bench.ground.write("a.json", bench.line(seq=2), t.wall())
        assert await bench.seqs() == [2]
        await t.sleep("1m")
        bench.ground.rewrite("a.json", bench.line(seq=3), t.wall())
        assert await bench.seqs() == [3]
        bench.ground.write("a.json", bench.line(seq=3), t.wall())
        assert await bench.seqs() == []


@pytest.mark.parametrize("name", ["a", "a.beat"])
async def test_a_touch_is_a_beat(begin: Begin, name: str) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.ground.write(name, b"whatever", t.wall() - 5)
        (beat,) = await bench.read()
        assert beat.at == pytest.approx(t.wall() - 5, abs=1e-3)
        assert await bench.read() == []
        await t.sleep("1m")
        bench.ground.rewrite(name, b"", t.wall())
        assert len(await bench.read()) == 1
        await t.sleep("1m")
        bench.ground.rewrite(name, b"", t.wall() + 7200)
        (beat,) = await bench.read()
        assert (beat.at, beat.skew) == (near(t.wall()), near(7200))


async def test_files_that_disagree_are_told_by_time(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.append(bench.line(seq=1, kind="fail"))
        await t.sleep("1m")
        bench.ground.write("a.json", bench.line(seq=2), t.wall())
        assert await bench.seqs() == [1, 2]
        bench.ground.write("a", b"", t.wall() - 3600)
        assert [beat.kind for beat in await bench.read()] == [BeatKind.OK]


async def test_a_torn_line_is_read_when_it_is_whole(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        line = bench.line(seq=2)
        bench.append(bench.line(seq=1) + line[:20])
        assert await bench.seqs() == [1]
        assert await bench.seqs() == []
        bench.append(line[20:])
        assert await bench.seqs() == [2]
        assert bench.errors() == []


async def test_a_line_that_stays_torn_is_said_once(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.append(bench.line(seq=1) + b'{"timestamp"')
        await bench.read()
        await asyncio.sleep(TORN_PATIENCE - 1)
        await bench.read()
        assert bench.errors() == []
        await asyncio.sleep(2)
        for _ in range(3):
            await bench.read()
        assert bench.errors() == [(None, "the last line stays unfinished")]
        bench.append(b"}\n" + bench.line(seq=2))
        assert await bench.seqs() == [2]
        assert len(bench.errors()) == 2
        bench.append(b'{"again')
        await bench.read()
        await asyncio.sleep(TORN_PATIENCE)
        await bench.read()
        assert len(bench.errors()) == 3


async def test_a_torn_line_of_a_file_that_never_changes_again_is_said() -> None:
    async with town(a=agent(), b=agent()) as t:
        for name in "ab":
            t.files.append(t.place(name), t.line() + b'{"timestamp"', t.wall())
            t.source.touch(t.place(name))
        await t.sleep("1s")
        t.files.append(t.place("b"), b": " + t.line()[14:], t.wall())  # whole after all
        t.source.touch(t.place("b"))
        begun = t.t - 1
        await t.sleep("1h")
        (said,) = t.logged("heartbeat_invalid")
        assert (said.record.agent, said.error) == ("a", "the last line stays unfinished")
        assert said.t - begun == pytest.approx(TORN_PATIENCE, abs=0.5)


async def test_a_torn_line_of_who_is_watched_no_more_is_nobodys_business() -> None:
    async with town(a=agent(), b=agent()) as t:
        t.files.append(t.place("a"), t.line() + b'{"timestamp"', t.wall())
        t.source.touch(t.place("a"))
        await t.sleep("1s")
        del t.agents["a"]
        await t.reload()
        await t.sleep("1m")
        assert t.logged("heartbeat_invalid") == t.logged("unregistered_agent") == []


async def test_bad_lines_are_said_with_their_number_and_the_rest_counts(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.append(bench.line(seq=1) + b"\x00\xff nonsense\nmore\n" + bench.line(seq=2))
        assert await bench.seqs() == [2]
        (one,) = t.logged("heartbeat_invalid")
        assert (one.line, one.more) == (2, 1)
        bench.append(b"{}\n")
        await bench.read()
        assert t.logged("heartbeat_invalid")[-1].line == 5


async def test_log_lines_are_recorded_and_are_no_beats(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.append(bench.line(kind="log", message="hello"))
        assert await bench.read() == []
        assert await bench.read() == []
        assert [record.message for record in t.logged("agent_log")] == ["hello"]


async def test_a_log_that_was_truncated_is_read_from_its_beginning(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.append(bench.line(seq=1) + bench.line(seq=2))
        await bench.read()
        await t.sleep("1m")
        bench.ground.rewrite("a.log", bench.line(seq=3), t.wall())
        assert await bench.seqs() == [3]


async def test_a_log_that_was_rotated_is_read_from_its_beginning(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.append(bench.line(seq=1))
        await bench.read()
        await t.sleep("1m")
        bench.ground.write("a.log", bench.line(seq=2) + bench.line(seq=3, incarnation="x"), t.wall())
        assert await bench.seqs() == [2, 3]
        bench.ground.remove("a.log")
        assert await bench.seqs() == []
        await t.sleep("1m")
        bench.append(bench.line(seq=4))
        assert await bench.seqs() == [4]


async def test_of_a_great_log_only_the_tail_is_read(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        filler = json.dumps({"timestamp": utc(t.wall() - 600), "message": "x" * 900}).encode() + b"\n"
        bench.append(filler * 2000 + bench.line(seq=1))
        assert await bench.seqs() == [1]
        assert bench.errors() == []
        await t.sleep("1m")
        bench.append(filler * 2000 + b"bad\n" + bench.line(seq=2))
        assert (await bench.seqs())[-1:] == [2]
        assert [number for number, _ in bench.errors()] == [None], "nobody counted the lines before"


async def test_a_line_that_fills_the_whole_tail_is_said(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.append(b"x" * (2 * TAIL))
        assert await bench.read() == []
        assert len(bench.errors()) == 1
        bench.append(b"\n" + bench.line(seq=1))
        assert (await bench.seqs())[-1:] == [1]


async def test_what_is_no_regular_file_is_said_once_and_the_others_count(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        bench.ground.odd("a.log")
        bench.ground.write("a", b"", t.wall())
        assert len(await bench.read()) == 1
        assert await bench.read() == []
        assert len(bench.errors()) == 1
        bench.ground.remove("a.log")
        await bench.read()
        bench.append(bench.line(seq=1))
        assert await bench.seqs() == [1]
        bench.ground.remove("a.log")
        bench.ground.odd("a.log")
        await bench.read()
        assert len(bench.errors()) == 2


async def test_a_file_that_could_not_be_read_for_a_while_is_read_on() -> None:
    async with town(a=agent()) as t:
        bench = Bench(t, MemoryGround(Path("/b")), Path("/b"))
        path = Path("/b/a.log")
        bench.append(bench.line(seq=1) + bench.line(kind="log", message="once"))
        await bench.read()
        stored = bench.ground.files._files[path]  # type: ignore[union-attr]
        for _ in range(2):
            bench.ground.files.mark_broken(path, PermissionError(13, "Permission denied"))  # type: ignore[union-attr]
            await bench.read()
            await bench.read()
            bench.ground.remove("a.log")
            bench.ground.files._files[path] = stored  # type: ignore[union-attr]
            assert await bench.read() == []
        assert [error for _, error in bench.errors()] == ["Permission denied"] * 2
        assert len(t.logged("agent_log")) == 1
        bench.append(bench.line(seq=2))
        assert await bench.seqs() == [2]


class Poisonous(MemoryFiles):
    """Fails with what nobody foresaw."""

    def tail(self, path: str | Path, *args: Any) -> Any:
        if Path(path).name.startswith("a"):
            raise OverflowError("cannot fit")
        return super().tail(path, *args)


async def test_one_files_fault_does_not_keep_the_others_from_being_read() -> None:
    async with town(a=agent(), b=agent()) as t:
        bench = Bench(t, MemoryGround(Path("/b")), Path("/b"))
        poisonous = Poisonous()
        reader = bench.make(poisonous)
        poisonous.write(Path("/b/a.log"), b"x", t.wall())
        poisonous.write(Path("/b/b.log"), bench.line(seq=1), t.wall())
        for _ in range(2):
            reader.mark(["a.log", "b.log"])
            await reader.read_dirty()
            await t.sleep("1s")
        assert (await t.view("b")).beat is not None
        assert [one.error for one in t.logged("heartbeat_invalid")] == ["OverflowError: cannot fit"]


async def test_odd_names_belong_to_nobody() -> None:
    async with town(a=agent()) as t:
        reader = t.daemon.reader
        reader.mark(["a.log.1", ".hidden", "a.tmp", "x" * 65, "ä", "a.log~"])
        assert reader._dirty == {}
        assert reader.strangers == {}


async def test_an_agent_whose_name_is_another_ones_file(begin: Begin) -> None:
    async with town(**{name: agent() for name in ("a", "a.log", "x.tmp")}) as t:
        bench = begin(t)
        bench.append(bench.line(seq=1))
        assert await bench.reader.read("a.log") == await bench.reader.read("x.tmp") == []
        assert await bench.seqs() == [1]
        bench.ground.write("a.log.json", bench.line(seq=2), t.wall())
        assert await bench.reader.read("a.log") == []  # a rotated file, by its name
        bench.ground.write("x.tmp.json", bench.line(seq=3), t.wall())
        assert [beat.seq for beat in await bench.reader.read("x.tmp")] == [3]


async def test_strangers_are_remembered_but_not_without_end() -> None:
    async with town(a=agent()) as t:
        reader = t.daemon.reader
        reader.mark(f"stranger-{number}.log" for number in range(5000))
        assert len(reader.strangers) == 1000
        assert len(t.logged("unregistered_agent")) == 1000
        assert reader._dirty == {}


async def test_what_is_kept_of_the_files_is_bounded(begin: Begin) -> None:
    async with town(a=agent()) as t:
        bench = begin(t)
        for round_ in range(50):
            bench.append(bench.line(seq=round_) * 40)
            for name in ("a", "a.beat", "a.json"):
                bench.ground.write(name, bench.line(seq=round_), t.wall())
            await bench.read()
            await t.sleep("1s")
        assert set(bench.reader._seen) == {"a", "a.beat", "a.json", "a.log"}
        assert all(not seen.tail.data for seen in bench.reader._seen.values())
        bench.reader.forget("a")
        assert bench.reader._seen == {}


async def test_what_is_marked_is_read_in_one_go(begin: Begin) -> None:
    async with town(a=agent(), b=agent()) as t:
        bench = begin(t)
        bench.append(bench.line(seq=1))
        bench.append(bench.line(seq=1), "b.log")
        bench.reader.mark(["a.log", "b.log", "a.log"])
        looks = bench.looks
        await bench.reader.read_dirty()
        assert bench.looks == looks + 1
        await t.sleep("10ms")
        assert [(await t.view(name)).beat is not None for name in "ab"] == [True, True]


async def test_a_removed_agents_beats_reach_nobody(begin: Begin) -> None:
    async with town(a=agent(), b=agent()) as t:
        bench = begin(t)
        t.disk_reads.clear()
        bench.append(bench.line(seq=1))
        bench.reader.mark(["a.log"])
        reading = asyncio.ensure_future(bench.reader.read_dirty())
        await t.sleep("1s")
        del t.agents["a"]
        reloading = asyncio.ensure_future(t.reload())
        await t.sleep("1s")
        t.disk_reads.set()
        await asyncio.gather(reading, reloading)
        assert [view.name for view in (await t.control.fleet()).agents] == ["b"]


async def test_while_any_reading_hangs_the_gate_is_closed(begin: Begin) -> None:
    async with town(a=agent(), b=agent()) as t:
        bench = begin(t)
        await t.sleep("1m")
        t.disk_reads.clear()
        first = asyncio.ensure_future(bench.reader.read("a"))
        await t.sleep("2s")
        second = asyncio.ensure_future(bench.reader.read("b"))
        await t.sleep("10s")
        assert t.daemon.gate.gate.standing == {"reading heartbeats hangs"}
        first.cancel()
        await asyncio.wait({first})
        assert t.daemon.gate.gate.standing
        t.disk_reads.set()
        await second
        assert not t.daemon.gate.gate.standing
