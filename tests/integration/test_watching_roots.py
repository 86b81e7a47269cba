"""The file source's roots on the real file system: missing, replaced, made again."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from supervisor.ports import Relisted, WatchLost, WatchRestored
from supervisor.sources import _listing
from supervisor.sources.files import FileSource, Root
from tests.support.trees import settled, watching


async def test_a_root_that_is_missing_is_an_empty_one_until_it_is_made(tmp_path: Path) -> None:
    root = tmp_path / "cache" / "heartbeats"
    async with watching(FileSource([Root(root)])) as watched:
        assert watched.said == [Relisted("start", frozenset())]
        root.mkdir(parents=True)
        (root / "a.log").touch()
        await watched.path(root / "a.log")
        watched.forget()
        (root / "b.log").touch()
        await watched.path(root / "b.log")
        assert not [event for event in watched.said if isinstance(event, WatchLost)]


async def test_a_root_that_is_deleted_is_lost_and_made_again_restored(tmp_path: Path) -> None:
    root = tmp_path / "heartbeats"
    root.mkdir()
    (root / "a.log").touch()
    async with watching(FileSource([Root(root)])) as watched:
        await settled()
        shutil.rmtree(root)
        assert await watched.lost(root) == WatchLost(root, "deleted")
        await watched.path(root / "a.log")
        await asyncio.sleep(1.5)
        root.mkdir()
        (root / "b.log").touch()
        assert await watched.restored(root) == WatchRestored(root, "events")
        assert [event for event in watched.said if isinstance(event, WatchLost)] == [WatchLost(root, "deleted")]
        watched.forget()
        (root / "c.log").touch()
        await watched.path(root / "c.log")


async def test_a_root_made_again_at_once_is_noticed_though_its_inode_may_be_the_same(tmp_path: Path) -> None:
    root = tmp_path / "heartbeats"
    root.mkdir()
    async with watching(FileSource([Root(root)])) as watched:
        for number in range(5):
            await settled()
            watched.forget()
            shutil.rmtree(root)
            root.mkdir()
            await watched.lost(root)
            await watched.restored(root)
            await settled()
            (root / f"{number}.log").touch()
            await watched.path(root / f"{number}.log")


async def test_a_root_replaced_by_a_rename_is_noticed(tmp_path: Path) -> None:
    root, other = tmp_path / "state", tmp_path / "restored-from-backup"
    root.mkdir()
    other.mkdir()
    (other / "1.json").touch()
    async with watching(FileSource([Root(root)])) as watched:
        await settled()
        root.rename(tmp_path / "old")
        other.rename(root)
        assert (await watched.lost(root)).reason in {"replaced by another folder", "deleted"}
        await watched.restored(root)
        await watched.path(root / "1.json")
        await settled()  # the ear on the old one ends a little later, lest anything is lost between the two
        watched.forget()
        (tmp_path / "old" / "stray.json").touch()
        (root / "2.json").touch()
        await watched.path(root / "2.json")
        assert watched.hinted() == {root / "2.json"}


async def test_a_root_that_is_a_link_follows_its_target(tmp_path: Path) -> None:
    first, second, root = tmp_path / "first", tmp_path / "second", tmp_path / "state"
    first.mkdir()
    second.mkdir()
    (second / "2.json").touch()
    root.symlink_to(first)
    async with watching(FileSource([Root(root)])) as watched:
        await settled()
        (first / "1.json").touch()
        await watched.path(root / "1.json")
        (tmp_path / "new").symlink_to(second)
        (tmp_path / "new").replace(root)
        assert (await watched.lost(root)).reason == "replaced by another folder"
        await watched.restored(root)
        await watched.path(root / "2.json")
        watched.forget()
        (second / "3.json").touch()
        await watched.path(root / "3.json")


async def test_a_link_to_nowhere_is_an_empty_root(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.symlink_to(tmp_path / "later")
    async with watching(FileSource([Root(root)])) as watched:
        (tmp_path / "later").mkdir()
        (tmp_path / "later" / "1.json").touch()
        await watched.path(root / "1.json")


@pytest.mark.parametrize("below", ["", "heartbeats"])
async def test_a_file_where_a_folder_should_be_is_told_until_it_is_one(tmp_path: Path, below: str) -> None:
    blocker = tmp_path / "cache"
    root = blocker / below
    blocker.touch()
    async with watching(FileSource([Root(root)])) as watched:
        assert await watched.lost(root) == WatchLost(root, "Not a directory")
        await asyncio.sleep(1.5)
        assert len([event for event in watched.said if isinstance(event, WatchLost)]) == 1
        blocker.unlink()
        root.mkdir(parents=True)
        (root / "a.log").touch()
        await watched.restored(root)
        await watched.path(root / "a.log")


async def test_one_bad_root_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "good").mkdir()
    async with watching(FileSource([Root(tmp_path / "file"), Root(tmp_path / "good")])) as watched:
        (tmp_path / "good" / "a.log").touch()
        await watched.path(tmp_path / "good" / "a.log")


async def test_a_root_with_too_many_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_listing, "MOST_FILES", 3)
    for number in range(5):
        (tmp_path / str(number)).touch()
    async with watching(FileSource([Root(tmp_path)])) as watched:
        assert (await watched.lost(tmp_path)).reason == "more than 3 files: the rest is not watched"
