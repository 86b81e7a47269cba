"""The parts as the roof introduces them: real files, real threads, in this process."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor import app
from supervisor.runtime.daemon import Daemon
from supervisor.runtime.plan import PageKind
from supervisor.settings import load

CONFIG = """
[paths]
cache = "cache"
state = "state"
data = "data"
socket = "control.sock"
[metrics]
textfile = "node.prom"
[agents.worker]
heartbeat_timeout = "1h"
"""


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[Daemon]:
    """Let a daemon live in `folder`, from its readiness on."""
    config = folder / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    ready: asyncio.Future[Daemon] = asyncio.get_running_loop().create_future()

    async def live(daemon: Daemon) -> None:
        life = asyncio.create_task(daemon.run())
        while daemon.readiness() is not None and not life.done():
            await asyncio.sleep(0.01)
        ready.set_result(daemon)
        await life

    whole = asyncio.create_task(app._with_daemon(load(config, os.environ), Daemon, live))
    daemon = await ready
    yield daemon
    daemon.stop("the test ends")
    await whole


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What hangs until this is set."""
    free = threading.Event()
    yield free
    free.set()


@pytest.mark.parametrize("name", ["_write", "append_only"])
async def test_writing_that_hangs_keeps_nobody_from_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hanging: threading.Event, name: str
) -> None:
    begun = threading.Event()

    def hang(*_: Any) -> int:
        begun.set()
        hanging.wait()
        return os.open(os.devnull, os.O_WRONLY)

    monkeypatch.setattr(app, name, hang)
    async with living(tmp_path) as daemon:
        beating = asyncio.create_task(daemon.control.heartbeat("worker", {"timestamp": "2026-01-01T00:00:00Z"}))
        await asyncio.to_thread(begun.wait)
        async with asyncio.timeout(5):
            assert [view.name for view in (await daemon.control.fleet()).agents] == ["worker"]
            assert b"worker" in await daemon.snapshots.render(PageKind.SNAPSHOT)
        if name == "_write":
            async with asyncio.timeout(5):
                await beating
        hanging.set()
        await beating


async def test_what_others_read_is_theirs_to_read_and_the_journal_is_not(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        async with living(tmp_path) as daemon:
            await daemon.control.heartbeat("worker", {"timestamp": "2026-01-01T00:00:00Z"})
            public, private = ("cache/dashboard.html", "node.prom"), ("data/journal.db", "control.sock")
            async with asyncio.timeout(5):
                while not all((tmp_path / name).exists() for name in (*public, *private)):
                    await asyncio.sleep(0.01)
            modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in (*public, *private)}
    finally:
        os.umask(before)
    assert modes == {**dict.fromkeys(public, 0o644), **dict.fromkeys(private, 0o600)}
