"""Every adapter of `Source`, and its double, by the same rules."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervisor.ports import Changed, Relisted, Source
from supervisor.sources.files import FileSource, Root
from tests.support.files import MemoryFiles
from tests.support.source import ScriptedSource
from tests.support.trees import watching


@dataclass
class Ground:
    """A source, and how to change what it watches."""

    source: Source
    folder: Path
    write: Callable[[Path], None]


def real(folder: Path) -> Ground:
    def write(path: Path) -> None:
        path.write_text(f"{time.time()}")

    return Ground(FileSource([Root(folder)]), folder, write)


def scripted(folder: Path) -> Ground:
    files = MemoryFiles()
    source = ScriptedSource(files.paths)

    def write(path: Path) -> None:
        files.write(path, b"x", time.time())
        source.touch(path)

    return Ground(source, folder, write)


@pytest.fixture(params=[real, scripted], ids=["files", "scripted"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Ground:
    made: Ground = request.param(tmp_path)
    return made


async def test_the_first_thing_said_is_a_listing_of_what_is_there(ground: Ground) -> None:
    ground.write(ground.folder / "a.log")
    async with watching(ground.source) as watched:
        assert watched.said[0] == Relisted("start", frozenset({ground.folder / "a.log"}))


async def test_an_empty_place_gives_an_empty_listing(ground: Ground) -> None:
    async with watching(ground.source) as watched:
        assert watched.said[0] == Relisted("start", frozenset())


async def test_a_change_is_hinted_at(ground: Ground) -> None:
    async with watching(ground.source) as watched:
        for name in ("a.log", "b.json", "c"):
            ground.write(ground.folder / name)
            await watched.path(ground.folder / name)
        watched.forget()
        ground.write(ground.folder / "a.log")
        await watched.path(ground.folder / "a.log")
        assert all(isinstance(event, Changed) for event in watched.said)


async def test_a_listing_can_be_asked_for(ground: Ground) -> None:
    async with watching(ground.source) as watched:
        ground.write(ground.folder / "a.log")
        await watched.path(ground.folder / "a.log")
        ground.source.relist("a person asked")
        assert (await watched.relisted("a person asked")).paths == {ground.folder / "a.log"}


async def test_a_consumer_that_dawdles_misses_nothing(ground: Ground) -> None:
    wanted = {ground.folder / f"{number}.log" for number in range(200)}
    seen: set[Path] = set()
    async with aclosing(ground.source.events()) as events, asyncio.timeout(30):  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, Relisted) and event.reason == "start":
                for path in wanted:
                    ground.write(path)
            await asyncio.sleep(0.01)
            seen |= event.paths if isinstance(event, Changed | Relisted) else set()
            if seen >= wanted:
                break
    assert seen == wanted


async def test_cancelling_ends_it_at_once_and_leaves_nothing_behind(ground: Ground) -> None:
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    async with watching(ground.source) as watched:
        ground.write(ground.folder / "a.log")
        await watched.path(ground.folder / "a.log")
        began = time.monotonic()
    assert time.monotonic() - began < 2.0
    assert asyncio.all_tasks() == tasks
    assert set(threading.enumerate()) == threads


async def test_it_can_be_begun_again(ground: Ground) -> None:
    for name in ("a.log", "b.log"):
        async with watching(ground.source) as watched:
            ground.write(ground.folder / name)
            await watched.path(ground.folder / name)
    async with watching(ground.source) as watched:
        assert watched.said[0] == Relisted("start", frozenset({ground.folder / "a.log", ground.folder / "b.log"}))
