"""The file source on the real file system: files and folders that change, and links that are followed.

The walk that finds lost events comes once a minute: what is seen sooner was heard, or found by a closer look.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from supervisor.filesystem import RealFiles
from supervisor.ports import Changed, NotRegularError, Relisted, WatchLost
from supervisor.sources.files import FileSource, Pace, Root
from tests.support.trees import NONE_LOST, settled, watching

OFTEN = Pace(walk_every=0.5, poll_every=0.1, check_every=0.1)


# --- changes


async def test_touch_append_and_replacement_are_heard(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    async with watching(FileSource([Root(tmp_path)], NONE_LOST)) as watched:
        await settled()

        def append() -> None:
            with path.open("a") as file:
                file.write("x\n")

        def replace() -> None:
            path.with_suffix(".tmp").write_text("y")
            path.with_suffix(".tmp").replace(path)

        for change in (path.touch, path.touch, append, append, replace, replace, append, path.unlink, append):
            watched.forget()
            change()
            began = time.monotonic()
            await watched.path(path)
            assert time.monotonic() - began < 2.0


async def test_a_change_after_a_quiet_time_is_told_within_two_steps(tmp_path: Path) -> None:
    pace, delays, dice = Pace(), [], random.Random(1)
    async with watching(FileSource([Root(tmp_path)])) as watched:
        await settled()
        for number in range(15):
            watched.forget()
            began = time.monotonic()
            (tmp_path / f"{number}.log").touch()
            await watched.path(tmp_path / f"{number}.log")
            delays.append(time.monotonic() - began)
            await asyncio.sleep(pace.debounce + dice.uniform(0, pace.step))
    assert sorted(delays)[7] < 2 * pace.step + 0.03


async def test_a_steady_stream_is_told_together_and_none_of_it_waits_longer_than_promised(tmp_path: Path) -> None:
    pace, changed = Pace(), {}
    late: dict[Path, float] = {}
    async with watching(FileSource([Root(tmp_path)], NONE_LOST)) as watched:
        await settled()
        watched.forget()
        began = time.monotonic()
        for number in range(150):
            path = tmp_path / f"{number}.log"
            path.touch()
            changed[path] = time.monotonic()
            await asyncio.sleep(pace.step / 3)
            late |= {path: time.monotonic() - changed[path] for path in watched.hinted() - late.keys()}
        lasted = time.monotonic() - began
        await watched.until(lambda: changed.keys() <= watched.hinted(), "all of them")
    assert len(watched.said) <= 2 + lasted / pace.debounce
    assert sorted(late.values())[9 * len(late) // 10] < pace.debounce + 2 * pace.step + 0.03


async def test_files_written_into_a_new_folder_at_once_are_seen_every_time(tmp_path: Path) -> None:
    dice = random.Random(2)
    async with watching(FileSource([Root(tmp_path)], NONE_LOST)) as watched:
        for number in range(50):
            folder = tmp_path / f"client-{number}" / "2026"
            folder.mkdir(parents=True)
            (folder / "a.json").touch()
            (folder.parent / "b.json").touch()
            await asyncio.sleep(dice.uniform(0, 0.03))
            (folder / "c.json").touch()
            for path in (folder / "a.json", folder.parent / "b.json", folder / "c.json"):
                await watched.path(path)
        assert not [event for event in watched.said if isinstance(event, WatchLost)]


async def test_a_folder_that_moves_away_or_goes_takes_its_files_with_it(tmp_path: Path) -> None:
    (tmp_path / "state" / "client").mkdir(parents=True)
    (tmp_path / "state" / "client" / "1.json").touch()
    async with watching(FileSource([Root(tmp_path / "state")])) as watched:
        await settled()
        (tmp_path / "state" / "client").rename(tmp_path / "state" / "archive")
        await watched.path(tmp_path / "state" / "archive" / "1.json")
        await watched.path(tmp_path / "state" / "client" / "1.json")
        (tmp_path / "state" / "archive" / "2.json").touch()
        await watched.path(tmp_path / "state" / "archive" / "2.json")
        watched.forget()
        shutil.rmtree(tmp_path / "state" / "archive")
        await watched.path(tmp_path / "state" / "archive" / "1.json")
        (tmp_path / "state" / "archive").mkdir()
        (tmp_path / "state" / "archive" / "3.json").touch()
        await watched.path(tmp_path / "state" / "archive" / "3.json")


async def test_only_the_named_files_of_a_flat_root_matter(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    root = Root(tmp_path, recursive=False, names=frozenset({"config.toml", "last.toml"}))
    async with watching(FileSource([root])) as watched:
        await settled()
        (tmp_path / "noise.log").touch()
        (tmp_path / "below" / "config.toml").touch()
        (tmp_path / "new").mkdir()
        (tmp_path / "config.toml").touch()
        await watched.path(tmp_path / "config.toml")
        (tmp_path / "last.toml").touch()
        await watched.path(tmp_path / "last.toml")
        assert watched.hinted() == {tmp_path / "config.toml", tmp_path / "last.toml"}


async def test_roots_inside_one_another_are_watched_each_in_its_way(tmp_path: Path) -> None:
    (tmp_path / "heartbeats").mkdir()
    roots = [Root(tmp_path, recursive=False, names=frozenset({"queue.json"})), Root(tmp_path / "heartbeats")]
    async with watching(FileSource(roots)) as watched:
        await settled()
        for path in (tmp_path / "queue.json", tmp_path / "heartbeats" / "agent.log"):
            path.touch()
            await watched.path(path)


async def test_links_below_a_root_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "link").symlink_to(tmp_path / "elsewhere")
    async with watching(FileSource([Root(tmp_path / "state")], OFTEN)) as watched:
        await settled()
        (tmp_path / "elsewhere" / "deep" / "secret.json").touch()
        (tmp_path / "state" / "loop").symlink_to(tmp_path / "state")
        (tmp_path / "state" / "1.json").touch()
        await watched.path(tmp_path / "state" / "1.json")
        await asyncio.sleep(1.0)
        assert watched.hinted() == {tmp_path / "state" / name for name in ("link", "loop", "1.json")}


async def test_a_fifo_a_link_and_a_device_are_hinted_at_and_refused_when_read(tmp_path: Path) -> None:
    async with watching(FileSource([Root(tmp_path)])) as watched:
        os.mkfifo(tmp_path / "fifo.log")
        (tmp_path / "link.log").symlink_to("/etc/shadow")
        (tmp_path / "device.log").symlink_to("/dev/zero")
        for name in ("fifo.log", "link.log", "device.log"):
            await watched.path(tmp_path / name)
            with pytest.raises(NotRegularError):
                await asyncio.to_thread(RealFiles().tail, tmp_path / name, 65536)


# --- links that are followed


def _linked(tmp_path: Path) -> tuple[Path, FileSource]:
    """Return the folder of a named file that is to be followed, and the source that does."""
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder, FileSource([Root(folder, recursive=False, names=frozenset({"config.toml"}), follow=True)])


async def test_a_change_of_what_a_link_leads_to_is_a_change_of_the_file(tmp_path: Path) -> None:
    folder, source = _linked(tmp_path)
    link, target = folder / "config.toml", tmp_path / "repository" / "supervisor.toml"
    target.parent.mkdir()
    target.write_text("1")
    link.symlink_to(target)
    async with watching(source) as watched:
        await settled()

        def in_place() -> None:
            target.write_text(f"{time.monotonic_ns()}")

        def replaced() -> None:
            fresh = target.with_suffix(".tmp")
            fresh.write_text("2")
            fresh.replace(target)

        for change in (in_place, replaced, in_place, target.unlink, in_place):
            watched.forget()
            change()
            await watched.path(link)
        assert not [event for event in watched.said if isinstance(event, WatchLost | Relisted)]


async def test_a_folder_behind_a_link_is_swapped_as_config_maps_are(tmp_path: Path) -> None:
    folder, source = _linked(tmp_path)
    for number in (1, 2, 3):
        (folder / f"..{number}").mkdir()
        (folder / f"..{number}" / "config.toml").write_text(str(number))
    (folder / "..data").symlink_to("..1")
    (folder / "config.toml").symlink_to("..data/config.toml")
    async with watching(source) as watched:
        for number in (2, 3):
            await settled()
            watched.forget()
            (folder / "..data_tmp").symlink_to(f"..{number}")
            (folder / "..data_tmp").replace(folder / "..data")
            await watched.path(folder / "config.toml")
            assert (folder / "config.toml").read_text() == str(number)


async def test_a_link_that_is_pointed_elsewhere_is_told_once_and_followed_there(tmp_path: Path) -> None:
    folder, source = _linked(tmp_path)
    link = folder / "config.toml"
    for number in (1, 2):
        (tmp_path / f"{number}.toml").write_text(str(number))
    link.symlink_to(tmp_path / "1.toml")
    async with watching(source) as watched:
        await settled()
        watched.forget()
        (folder / "fresh").symlink_to(tmp_path / "2.toml")
        (folder / "fresh").replace(link)
        await watched.path(link)
        await asyncio.sleep(1.5)
        assert len([event for event in watched.said if isinstance(event, Changed)]) == 1
        watched.forget()
        (tmp_path / "1.toml").write_text("of no interest any more")
        await asyncio.sleep(1.5)
        assert watched.hinted() == set()
        (tmp_path / "2.toml").write_text("22")
        await watched.path(link)
        watched.forget()
        link.unlink()
        link.write_text("a plain file by now")
        await watched.path(link)
