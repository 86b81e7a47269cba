"""The file source on the real file system: everything that can happen to a folder.

The walk that finds lost events comes once a minute: what is seen sooner was heard, or found by a closer look.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from supervisor.filesystem import RealFiles
from supervisor.ports import Changed, NotRegularError, Relisted, WatchLost, WatchRestored
from supervisor.sources import _listing
from supervisor.sources.files import FileSource, Pace, Root
from tests.support.trees import NONE_LOST, watching

OFTEN = Pace(walk_every=0.5, poll_every=0.1, check_every=0.1)

ODD = os.fsdecode(b"\xff\xfe.json")
"""A name that is not UTF-8."""


async def _settled() -> None:
    """Wait until an ear that was asked for listens."""
    await asyncio.sleep(0.3)


# --- changes


async def test_touch_append_and_replacement_are_heard(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    async with watching(FileSource([Root(tmp_path)], NONE_LOST)) as watched:
        await _settled()

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
        await _settled()
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
        await _settled()
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
        await _settled()
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
        await _settled()
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
        await _settled()
        for path in (tmp_path / "queue.json", tmp_path / "heartbeats" / "agent.log"):
            path.touch()
            await watched.path(path)


async def test_links_below_a_root_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "link").symlink_to(tmp_path / "elsewhere")
    async with watching(FileSource([Root(tmp_path / "state")], OFTEN)) as watched:
        await _settled()
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
        await _settled()

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
            await _settled()
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
        await _settled()
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


# --- roots


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
        await _settled()
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
            await _settled()
            watched.forget()
            shutil.rmtree(root)
            root.mkdir()
            await watched.lost(root)
            await watched.restored(root)
            await _settled()
            (root / f"{number}.log").touch()
            await watched.path(root / f"{number}.log")


async def test_a_root_replaced_by_a_rename_is_noticed(tmp_path: Path) -> None:
    root, other = tmp_path / "state", tmp_path / "restored-from-backup"
    root.mkdir()
    other.mkdir()
    (other / "1.json").touch()
    async with watching(FileSource([Root(root)])) as watched:
        await _settled()
        root.rename(tmp_path / "old")
        other.rename(root)
        assert (await watched.lost(root)).reason in {"replaced by another folder", "deleted"}
        await watched.restored(root)
        await watched.path(root / "1.json")
        await _settled()  # the ear on the old one ends a little later, lest anything is lost between the two
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
        await _settled()
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


# --- no events, or none that can be relied on


async def test_a_file_system_without_events_is_polled(tmp_path: Path) -> None:
    remote, local = tmp_path / "remote", tmp_path / "local"
    remote.mkdir()
    local.mkdir()

    def reason(path: Path) -> str | None:
        return "nfs4 tells no changes that are made elsewhere" if path == remote else None

    source = FileSource([Root(remote), Root(local)], Pace(poll_every=0.1), needs_polling=reason)
    async with watching(source) as watched:
        assert await watched.lost(remote) == WatchLost(remote, reason(remote) or "", observed=True)
        assert await watched.restored(remote) == WatchRestored(remote, "polling")
        for path in (remote / "a.log", remote / "new" / "b.log", local / "c.log"):
            path.parent.mkdir(exist_ok=True)
            path.touch()
            await watched.path(path)
        watched.forget()
        (remote / "a.log").unlink()
        await watched.path(remote / "a.log")
        assert not [event for event in watched.said if not isinstance(event, Changed)]


async def test_changes_that_no_event_told_are_found_by_the_walk(tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    path.write_bytes(b"x" * 4096)
    async with watching(FileSource([Root(tmp_path)], Pace(walk_every=0.5))) as watched:
        await _settled()
        watched.forget()
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:  # the kernel tells nobody of these
            memory[0:1] = b"y"
            memory.flush()
            os.utime(file.fileno())
        await watched.path(path)


async def test_a_name_that_is_not_utf8_makes_its_root_be_polled_until_it_is_gone(tmp_path: Path) -> None:
    state, heartbeats = tmp_path / "state", tmp_path / "heartbeats"
    state.mkdir()
    heartbeats.mkdir()
    odd = state / ODD
    async with watching(FileSource([Root(state), Root(heartbeats)], Pace(poll_every=0.1))) as watched:
        await _settled()
        odd.touch()
        lost = await watched.lost(state)
        assert (lost.observed, lost.reason) == (True, "a file name that is not UTF-8 stops events")
        await watched.restored(state)
        await watched.path(odd)
        watched.forget()
        for path in (state / "1.json", heartbeats / "a.log"):
            path.touch()
            await watched.path(path)
        assert not [event for event in watched.said if not isinstance(event, Changed)]
        odd.unlink()
        assert await watched.restored(state) == WatchRestored(state, "events")


async def test_a_name_that_is_not_utf8_at_the_start_is_no_surprise(tmp_path: Path) -> None:
    (tmp_path / ODD).mkdir()
    (tmp_path / ODD / ODD).touch()
    async with watching(FileSource([Root(tmp_path)], Pace(poll_every=0.1))) as watched:
        await watched.restored(tmp_path)
        (tmp_path / "a.log").touch()
        await watched.path(tmp_path / "a.log")


async def test_a_root_whose_own_path_is_not_utf8_is_polled(tmp_path: Path) -> None:
    root = tmp_path / ODD
    root.mkdir()
    async with watching(FileSource([Root(root)], Pace(poll_every=0.1))) as watched:
        assert await watched.restored(root) == WatchRestored(root, "polling")
        (root / "a.log").touch()
        await watched.path(root / "a.log")


async def test_an_ear_that_dies_is_told_and_made_anew(tmp_path: Path) -> None:
    async with watching(FileSource([Root(tmp_path)])) as watched:
        for _ in range(3):
            await _settled()
            watched.forget()
            (tmp_path / ODD).touch()
            (tmp_path / ODD).unlink()  # before anybody looks: only the ear has met it
            assert "Unable to decode path" in (await watched.lost(tmp_path)).reason
            await watched.restored(tmp_path)
            await watched.relisted("watcher error")
            watched.forget()
            (tmp_path / "a.log").touch()
            await watched.path(tmp_path / "a.log")
