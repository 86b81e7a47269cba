"""SIGKILL of the daemon at random points: nothing is lost, and nothing happens twice.

Half of the points are moments, spread over the story; the others are transactions of the journal, before one and after.
`CRASH_POINTS` says how many: 60 where it is not set, 1,000 in CI (three to five minutes on two cores).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.nursery import Crash, Nursery
from tests.support.receiver import Receiver, receiving

POINTS = int(os.environ.get("CRASH_POINTS", "60"))
AT_ONCE = 16
TIMEOUT, INTERVAL = 0.6, 0.5
STORY = TIMEOUT + INTERVAL + 0.6
"""Seconds: the miss, the restart, the escalation, the acknowledgement, the end of it, and some time after."""

TRANSACTIONS = 14
"""So many a life of the story has, about."""

PATIENCE = 60.0

CONFIG = """
[paths]
cache = "cache"
state = "state"
data = "data"
socket = "s"
[gate]
settle = "0s"
[dashboard]
min_interval = "1h"
[agents.worker]
heartbeat_timeout = "{timeout}ms"
check_interval = "{interval}ms"
[agents.worker.restart]
kind = "command"
command = ["/bin/sh", "-c", "echo restarted >> {effects}"]
backoff = "1h"
backoff_max = "1h"
[escalation]
chain = [{{ channel = "people", delay = "0s" }}, {{ channel = "hook", delay = "0s" }}]
[channels.people]
kind = "file"
path = "people.jsonl"
[channels.hook]
kind = "webhook"
url = "{url}"
"""


@dataclass
class Town:
    """One daemon's world: an agent that falls silent, its restart command, and people, who acknowledge."""

    folder: Path
    nursery: Nursery
    receiver: Receiver
    pid: int = 0
    acks: list[int] = field(default_factory=list)
    lives: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.beat = self.folder / "cache/heartbeats/worker"
        self.config = self.folder / "c.toml"
        self.effects = self.folder / "effects"
        self.log = self.folder / "log"
        self.beat.parent.mkdir(parents=True)
        url = f"{self.receiver.url}/{self.folder.name}"
        law = {"timeout": int(TIMEOUT * 1000), "interval": int(INTERVAL * 1000), "effects": self.effects, "url": url}
        self.config.write_text(CONFIG.format(**law))

    # --- what the receiving ends know ---

    def told(self) -> Counter[str]:
        """Return how often the file was told of each kind."""
        return self._kinds("people.jsonl")

    def heard(self) -> Counter[str]:
        """Return how often the webhook was told of each kind, each dedup id once."""
        path = f"/hook/{self.folder.name}"
        bodies = {got.headers["Idempotency-Key"]: got.body for got in self.receiver.got if got.path == path}
        return Counter(json.loads(body)["kind"] for body in bodies.values())

    def restarts(self) -> int:
        return len(self.effects.read_text().splitlines()) if self.effects.exists() else 0

    def rows(self) -> Counter[str]:
        return Counter(event for (event,) in self._query("SELECT event FROM rows"))

    def kept(self) -> tuple[list[str], int]:
        """Return the states of all incidents, and how many deliveries still wait."""
        states = [json.loads(data)["state"] for (data,) in self._query("SELECT data FROM incidents")]
        return states, len(self._query("SELECT id FROM deliveries WHERE state = 'pending'"))

    # --- lives ---

    async def live(self, point: float | Crash) -> None:
        """Begin a life that ends at `point`, and then another one, which is left alone."""
        self._start(point if isinstance(point, Crash) else None)
        dying, over = asyncio.create_task(gone(self.pid)), asyncio.create_task(self.over.wait())
        limit = None if isinstance(point, Crash) else point
        await asyncio.wait({dying, over}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if not dying.done():
            kill(self.pid, signal.SIGKILL)
        await dying
        over.cancel()
        self._start(None)

    async def tell(self) -> None:
        """Let the story happen: the agent is silent, is restarted, escalated, acknowledged, and comes back."""
        await self._until(lambda: self.told()["triggered"] > 0 and self.heard()["triggered"] > 0, "notification")
        (incident,) = {one["incident"] for one in self._messages("people.jsonl")}
        await self._acknowledge(incident)
        await self._until(lambda: self.told()["resolved"] > 0 and self.heard()["resolved"] > 0, "end", self.beat.touch)

    async def end(self) -> None:
        """End the second life as planned, whatever the first has come to."""
        if self.lives == 1:  # its moment or transaction has not come
            self.over.set()
            await self._until(lambda: self.lives == 2, "second life", self.beat.touch)
            await self._until(lambda: self.log.read_bytes().count(b'"event":"supervisor_ready"') == 2, "readiness")
        kill(self.pid, signal.SIGTERM)
        await gone(self.pid)
        self.pid = 0

    # --- inside ---

    def _start(self, crash: Crash | None) -> None:
        self.pid = self.nursery.daemon(self.config, self.log, crash=crash)
        self.lives += 1

    async def _acknowledge(self, incident: str) -> None:
        """Ask for it until somebody answers: who is killed does not."""
        limit = aiohttp.ClientTimeout(total=5.0)
        end = time.monotonic() + PATIENCE
        while not self.acks or self.acks[-1] != 200:
            connector = aiohttp.UnixConnector(str(self.folder / "s"))
            try:
                async with (
                    aiohttp.ClientSession("http://localhost", connector=connector, timeout=limit) as client,
                    client.post(f"/api/v1/incidents/{incident}/ack", json={}) as answer,
                ):
                    self.acks.append(answer.status)
            except (aiohttp.ClientError, TimeoutError) as error:
                if not isinstance(error, aiohttp.ClientConnectorError):
                    self.acks.append(0)  # it may have been heard
                await asyncio.sleep(0.05)
            if time.monotonic() > end:
                pytest.fail(f"no acknowledgement: {self.acks}\n{self.log.read_text()[-6000:]}")

    async def _until(self, true: Callable[[], bool], what: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            meanwhile()
            if time.monotonic() > end:
                pytest.fail(f"no {what} within {PATIENCE} s:\n{self.log.read_text()[-6000:]}")
            await asyncio.sleep(0.05)

    def _messages(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def _kinds(self, name: str) -> Counter[str]:
        return Counter(message["kind"] for message in self._messages(name))

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "data/journal.db")) as conn:
            return conn.execute(sql).fetchall()


def kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pytest.fail(f"the daemon {pid} had ended by itself")


async def gone(pid: int) -> None:
    while Path(f"/proc/{pid}").exists():
        await asyncio.sleep(0.01)


async def one(town: Town, point: float | Crash) -> None:
    town.beat.touch()
    lives = asyncio.create_task(town.live(point), name="lives")
    await town.tell()
    await town.end()
    await lives
    said = f"killed at {point}\n{town.log.read_text()}"
    assert town.restarts() == 1, said
    assert town.told() == {"triggered": 1, "resolved": 1}, said
    assert town.heard() == {"triggered": 1, "resolved": 1}, said
    assert town.kept() == (["resolved"], 0), said
    rows = town.rows()
    for event in ("restart_started", "restart_finished", "incident_opened", "incident_resolved"):
        assert rows[event] == 1, f"{event}: {rows[event]}, {said}"
    # One that was asked for again, because its answer was lost, may count twice; one that was answered is never lost.
    assert 1 <= rows["incident_acknowledged"] <= len(town.acks), f"{town.acks}, {said}"


def points(count: int, chance: random.Random) -> list[float | Crash]:
    """Return so many points: moments and transactions by turns."""
    sides = [Crash(number, side) for number in range(1, TRANSACTIONS + 1) for side in ("before", "after")]
    return [sides[number // 2 % len(sides)] if number % 2 else chance.uniform(0.0, STORY) for number in range(count)]


async def test_killed_at_random_points_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    turn = asyncio.Semaphore(AT_ONCE)

    async def run(number: int, point: float | Crash, nursery: Nursery, receiver: Receiver) -> None:
        async with turn:
            town = Town(tmp_path / str(number), nursery, receiver)
            try:
                await one(town, point)
            finally:
                if town.pid:  # something went wrong
                    with suppress(ProcessLookupError):
                        os.kill(town.pid, signal.SIGKILL)

    async with receiving() as receiver:
        with Nursery(warm=True) as nursery:
            async with asyncio.TaskGroup() as group:
                for number, point in enumerate(points(POINTS, random.Random(20_260))):
                    group.create_task(run(number, point, nursery, receiver), name=f"town-{number}")
