"""A thousand real agents that fall silent at once: a disk that is really unmounted, a daemon that is really stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.needs import missing
from tests.support.nursery import Nursery
from tests.support.town import PATHS, Town

NAMES = [f"agent-{number:04}" for number in range(1000)]

# An hour is 6 s here.
LAW = """
[gate]
settle = "1s"
stall = "1s"
limit = "12s"
[defaults]
heartbeat_timeout = "6s"
check_interval = "2s"
[defaults.restart]
kind = "command"
command = ["/bin/sh", "-c", "echo restarted >> effects"]
working_directory = "{folder}"
[channels.people]
kind = "file"
path = "people.jsonl"
[agents]
{agents}
"""


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    with Nursery() as nursery:
        town = Town(tmp_path, nursery)
        agents = "\n".join(f"{name} = {{}}" for name in NAMES)
        town.configure("")
        town.config.write_text(PATHS.partition("[gate]")[0] + LAW.format(folder=tmp_path, agents=agents))
        yield town
        if town.pid:
            await town.stop(signal.SIGKILL)


@asynccontextmanager
async def beating(folder: Path) -> AsyncIterator[None]:
    """Let them all beat, each second."""

    def touch() -> None:
        for name in NAMES:
            (folder / name).touch()

    async def live() -> None:
        while True:
            await asyncio.to_thread(touch)
            await asyncio.sleep(1)

    await asyncio.to_thread(touch)
    life = asyncio.create_task(live())
    try:
        yield
    finally:
        life.cancel()
        await asyncio.wait({life})


def told(town: Town) -> list[tuple[str, str]]:
    file = town.folder / "people.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(message["kind"], message["key"]) for message in map(json.loads, lines)]


def restarted(town: Town) -> bool:
    return bool(town.log("restart_started")) or (town.folder / "effects").exists()


async def watched(town: Town) -> None:
    """Start the daemon, and wait until it knows all of them, and trusts itself."""
    await town.start()
    await town.logged("gate_opened")
    await town.wait(
        lambda: len({one["agent"] for one in town.log("health_changed", new="healthy")}) == 1000, "their health"
    )


def mount(disk: Path, at: Path) -> None:
    done = subprocess.run(["mount", "--bind", disk, at], check=False, capture_output=True, text=True)
    if done.returncode:
        missing("root", f"to mount a folder: {done.stderr}")


def unmount(at: Path, *, check: bool = True) -> None:
    subprocess.run(["umount", "--lazy", at], check=check, capture_output=True)


async def test_the_disk_is_unmounted(town: Town) -> None:
    disk = town.folder / "disk"
    disk.mkdir()
    mount(disk, town.beats)
    try:
        async with beating(disk):
            await watched(town)
            unmount(town.beats)
            incident = await town.logged("incident_opened", key="fleet:silent")
            assert "heartbeat files are gone" in incident["summary"]
            await asyncio.sleep(8)  # more than the longest silence that is in time
            assert not restarted(town)
            assert told(town) == [("triggered", "fleet:silent")]
            mount(disk, town.beats)
            await town.logged("incident_resolved", key="fleet:silent")
            await town.wait(lambda: len(told(town)) == 2, "the end of it")
            await asyncio.sleep(7)
            assert not restarted(town)
            assert told(town) == [("triggered", "fleet:silent"), ("resolved", "fleet:silent")]
    finally:
        unmount(town.beats, check=False)


async def test_the_daemon_is_stopped_and_goes_on(town: Town) -> None:
    async with beating(town.beats):
        await watched(town)
    os.kill(town.pid, signal.SIGSTOP)
    await asyncio.sleep(9)  # 90 min
    os.kill(town.pid, signal.SIGCONT)
    await town.logged("incident_opened", key="fleet:silent")
    assert not restarted(town)
    async with beating(town.beats):
        await town.logged("incident_resolved", key="fleet:silent")
        await town.wait(lambda: len(told(town)) == 2, "the end of it")
        assert not restarted(town)
        assert told(town) == [("triggered", "fleet:silent"), ("resolved", "fleet:silent")]


async def test_the_daemon_is_stopped_and_they_beat_on(town: Town) -> None:
    async with beating(town.beats):
        await watched(town)
        os.kill(town.pid, signal.SIGSTOP)
        await asyncio.sleep(9)
        os.kill(town.pid, signal.SIGCONT)
        await asyncio.sleep(7)
        assert not restarted(town)
        assert told(town) == []
        assert town.log("heartbeat_missed") == []
