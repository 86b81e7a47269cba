"""The journal on a real disk that is full, read-only or not there."""
# ruff: noqa: ASYNC221  # the test itself may block; the store may not

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.ports import Saved, StoreError, StoreLockedError
from supervisor.stores import _database
from supervisor.stores.sqlite import SqliteStore
from tests.support.journal import entry, query, written
from tests.support.needs import missing


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        missing("root", "to mount a small tmpfs")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        missing("mount", mounted.stderr.strip())
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_folder_in_its_place(store: SqliteStore, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=rf"{path}: not a regular file"):
        await store.open()
    path.rmdir()
    await store.open()


async def test_a_fifo_in_its_place_hangs_nobody(store: SqliteStore, path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(StoreError, match="not a regular file"):
        await asyncio.wait_for(store.open(), 10)


async def test_a_file_where_its_folder_should_be(store: SqliteStore, path: Path) -> None:
    path.parent.write_text("in the way")
    with pytest.raises(StoreError, match=r"journal\.db: can not be opened: .*File exists"):
        await store.open()


async def test_a_read_only_disk(small_disk: Path) -> None:
    path = small_disk / "journal.db"
    await written(path, 1)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    store = SqliteStore(path)
    with pytest.raises(StoreError, match=r"journal\.db: can not be opened: .*Read-only file system"):
        await store.open()
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert set((await store.open()).agents) == {"agent-1"}
    await store.close()


async def test_a_full_disk_while_running(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "journal.db")
    await store.open()
    await store.commit(entry(1))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
    many = (store.commit(entry(number, size=20_000)) for number in range(2, 50))
    with pytest.raises(StoreError, match=r"small/journal\.db: can not be written: database or disk is full"):
        await asyncio.gather(*many)
    ballast.unlink()
    await store.commit(entry(100))
    assert (await store.rows())[-1].id == 100
    saved = await store.open()
    assert {"agent-1", "agent-100"} <= set(saved.agents)
    assert saved.notes == ()
    await store.close()


async def test_a_full_disk_at_the_start(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "journal.db")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
    with pytest.raises(StoreError, match=r"journal\.db"):
        await store.open()
    ballast.unlink()
    assert (await store.open()).notes == ()
    await store.commit(entry(1))
    await store.close()


async def test_removed_while_running(store: SqliteStore, path: Path) -> None:
    await store.open()
    await store.commit(entry(1))
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    with pytest.raises(StoreError, match=r"journal\.db: can not be written: .*No such file"):
        await store.commit(entry(2))
    assert await store.open() == Saved()
    await store.commit(entry(3))
    assert query(path, "SELECT name FROM agents") == [("agent-3",)]
    with pytest.raises(StoreLockedError):  # the lock was made anew as well
        await SqliteStore(path).open()


async def test_replaced_while_running(store: SqliteStore, path: Path) -> None:
    await store.open()
    path.rename(path.with_name("moved"))
    path.touch()
    with pytest.raises(StoreError, match="another file has taken the journal's place"):
        await store.commit(entry(1))


async def test_a_backup_that_holds_the_file_too_long_fails_all_who_wait_at_once(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_database, "_BUSY_TIMEOUT", 0.5)
    await store.open()
    backup = sqlite3.connect(path, isolation_level=None)
    backup.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    commits = (store.commit(entry(n)) for n in range(1, 101))
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    assert time.monotonic() - begin < 20  # two waits, not a hundred and one
    assert {type(outcome) for outcome in outcomes} == {StoreError}
    assert "locked" in str(outcomes[-1])
    backup.close()
    await store.commit(entry(1))
