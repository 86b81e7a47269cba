"""SIGKILL of the daemon at random points: nothing is lost, and nothing happens twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.nursery import Nursery

POINTS = int(os.environ.get("CRASH_POINTS", "200"))
AT_ONCE = 8
TIMEOUT, INTERVAL = 0.6, 0.5


@dataclass
class Town:
    """One daemon's world: an agent that falls silent, its restart command, its channel."""

    folder: Path

    def build(self) -> None:
        self.beat.parent.mkdir(parents=True)
        self.config.write_text(
            f"""
            [paths]
            cache = "cache"
            state = "state"
            data = "data"
            socket = "data/s"
            [gate]
            settle = "0s"
            [dashboard]
            min_interval = "1h"
            [agents.worker]
            heartbeat_timeout = "{int(TIMEOUT * 1000)}ms"
            check_interval = "{int(INTERVAL * 1000)}ms"
            [agents.worker.restart]
            kind = "command"
            command = ["/bin/sh", "-c", "echo restarted >> {self.effects}"]
            backoff = "1h"
            backoff_max = "1h"
            [channels.people]
            kind = "file"
            path = "people.jsonl"
            """
        )

    @property
    def config(self) -> Path:
        return self.folder / "c.toml"

    @property
    def beat(self) -> Path:
        return self.folder / "cache/heartbeats/worker"

    @property
    def effects(self) -> Path:
        return self.folder / "effects"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def told(self, kind: str) -> int:
        path = self.folder / "people.jsonl"
        if not path.exists():
            return 0
        return sum(json.loads(line)["type"] == kind for line in path.read_text().splitlines())

    def restarts(self) -> int:
        return len(self.effects.read_text().splitlines()) if self.effects.exists() else 0

    async def until(self, kind: str, limit: float, *, beating: bool = False) -> None:
        end = time.monotonic() + limit
        while not self.told(kind):
            if beating:
                self.beat.touch()
            if time.monotonic() > end:
                pytest.fail(f"no {kind} within {limit} s:\n{self.log.read_text()[:6000]}")
            await asyncio.sleep(0.05)


def kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pytest.fail(f"the daemon {pid} had ended by itself")


async def gone(pid: int) -> None:
    while Path(f"/proc/{pid}").exists():
        await asyncio.sleep(0.01)


async def one(town: Town, nursery: Nursery, moment: float) -> None:
    town.build()
    town.beat.touch()
    pid = nursery.daemon(town.config, town.log)
    await asyncio.sleep(moment)
    kill(pid, signal.SIGKILL)
    await gone(pid)
    pid = nursery.daemon(town.config, town.log)
    await town.until("AGENT_ESCALATION", 30)
    await town.until("AGENT_RESOLVED", 30, beating=True)
    kill(pid, signal.SIGTERM)
    await gone(pid)
    seen = (town.restarts(), town.told("AGENT_ESCALATION"), town.told("AGENT_RESOLVED"))
    assert seen == (1, 1, 1), f"killed after {moment:.3f} s: {seen}\n{town.log.read_text()}"


async def test_killed_at_random_points_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    chance = random.Random(20260)
    # The story takes this long: the miss, the restart, the escalation, and some time after it.
    moments = [chance.uniform(0.0, TIMEOUT + INTERVAL + 0.4) for _ in range(POINTS)]
    turn = asyncio.Semaphore(AT_ONCE)

    async def run(number: int, moment: float, nursery: Nursery) -> None:
        async with turn:
            await one(Town(tmp_path / str(number)), nursery, moment)

    with Nursery() as nursery:
        async with asyncio.TaskGroup() as group:
            for number, moment in enumerate(moments):
                group.create_task(run(number, moment, nursery), name=f"town-{number}")
