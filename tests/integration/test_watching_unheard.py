"""The file source where there are no events, or none that can be relied on."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from supervisor.ports import Changed, WatchLost, WatchRestored
from supervisor.sources.files import FileSource, Pace, Root
from tests.support.trees import settled, watching

ODD = os.fsdecode(b"\xff\xfe.json")
"""A name that is not UTF-8."""


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
        await settled()
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
        await settled()
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
            await settled()
            watched.forget()
            (tmp_path / ODD).touch()
            (tmp_path / ODD).unlink()  # before anybody looks: only the ear has met it
            assert "Unable to decode path" in (await watched.lost(tmp_path)).reason
            await watched.restored(tmp_path)
            await watched.relisted("watcher error")
            watched.forget()
            (tmp_path / "a.log").touch()
            await watched.path(tmp_path / "a.log")
