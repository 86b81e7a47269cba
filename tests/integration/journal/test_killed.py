"""The journal on a real disk: killed at any moment, and held by one process alone."""
# ruff: noqa: ASYNC220, ASYNC251  # the test itself may block; the store may not

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supervisor.domain.health import Health, HealthState
from supervisor.ports import StoreLockedError
from supervisor.stores.sqlite import SqliteStore
from tests.support.journal import entry

ROOT = Path(__file__).parents[3]


# --- killed ------------------------------------------------------------------------------------------


async def test_killed_at_any_moment_it_keeps_what_it_acknowledged_and_nothing_by_halves(path: Path) -> None:
    chance = random.Random()  # any moment will do
    acknowledged: set[int] = set()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.journal", str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as lives:
        assert lives.stdin is not None
        assert lives.stdout is not None
        for life in range(50):
            print(1 + 10_000 * life, file=lives.stdin, flush=True)
            pid = int(lives.stdout.readline())
            acknowledged.add(int(lives.stdout.readline()))
            time.sleep(chance.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            acknowledged.update(map(int, iter(lives.stdout.readline, "dead\n")))

    store = SqliteStore(path)
    saved = await store.open()
    rows = await store.rows(limit=1_000_000)
    await store.close()
    assert saved.notes == ()
    kept = {row.id for row in rows}
    assert acknowledged <= kept
    assert saved.agents == {f"agent-{n}": Health(HealthState.ESCALATED, misses=n) for n in kept}
    assert {i.id for i in saved.incidents} == {f"i{n}" for n in kept}
    assert {d.id for d in saved.deliveries} == {f"d{n}" for n in kept}


# --- one process -------------------------------------------------------------------------------------


async def test_a_second_opener_is_told_who_has_it(store: SqliteStore, path: Path) -> None:
    await store.open()
    second = SqliteStore(path)
    with pytest.raises(
        StoreLockedError, match=rf"another daemon holds the journal \(pid {os.getpid()} since 20.*{path}.lock"
    ):
        await second.open()
    await store.commit(entry(1))
    await store.close()
    assert set((await second.open()).agents) == {"agent-1"}
    await second.close()


async def test_the_lock_ends_with_its_process_and_not_with_its_children(path: Path) -> None:
    script = """
import asyncio, subprocess, sys
from pathlib import Path
from supervisor.stores.sqlite import SqliteStore
async def hold():
    await SqliteStore(Path(sys.argv[1])).open()
    child = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(hold())
"""
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder, holder.stdout:
        child = int(holder.stdout.readline())
        try:
            store = SqliteStore(path)
            with pytest.raises(StoreLockedError, match=f"pid {holder.pid} "):
                await store.open()
            holder.kill()
            holder.wait()
            os.kill(child, 0)  # it still runs
            await store.open()
            await store.close()
        finally:
            os.kill(child, signal.SIGKILL)


async def test_opened_again_it_keeps_its_lock(store: SqliteStore, path: Path) -> None:
    await store.open()
    await store.open()
    with pytest.raises(StoreLockedError):
        await SqliteStore(path).open()


async def test_only_the_owner_may_read_it(store: SqliteStore, path: Path) -> None:
    await store.open()
    await store.commit(entry(1))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {f"journal.db{suffix}": 0o600 for suffix in ("", "-wal", "-shm", ".lock")}
