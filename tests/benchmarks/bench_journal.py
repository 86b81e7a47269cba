"""Durable transitions: group commit with 100 waiting, against JSON lines that are synced one by one.

The folder's disk is what is measured. Both sides write the same content, in turns.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from supervisor.domain.events import Beat
from supervisor.domain.health import Health, HealthState
from supervisor.ports import Entry
from supervisor.ports import Row as Kept
from supervisor.stores.sqlite import SqliteStore
from tests.benchmarks.lab import Lab, frozen
from tests.benchmarks.table import Row

_GOAL = 15.0
_WAITING = 100
_COMMITS_EACH = 40
_LINES = 400

_HEALTH = Health(HealthState.UNHEALTHY, since=1.7e9, misses=1, beat=Beat(1.7e9, fingerprint="a1", incarnation="x"))
_FIELDS = {"from": "healthy", "to": "unhealthy", "reason": "no heartbeat for 60 min"}


def measure(lab: Lab) -> Iterator[Row]:
    """Write log records alone, and with them the agents' whole state."""
    for what, with_state in (("a durable log record", False), ("a durable log record and its agent's state", True)):
        line, commit = asyncio.run(_medians(lab, with_state=with_state))
        yield Row(
            f"{what}, {_WAITING} waiting",
            f"{1e6 * commit:.0f} us",
            f"a JSON line with fsync {1e6 * line:.0f} us",
            line / commit,
            f"at least {_GOAL:g} x as fast",
            line >= _GOAL * commit,
        )


async def _medians(lab: Lab, *, with_state: bool) -> tuple[float, float]:
    """Return the seconds that a synced line and a commit take."""
    folder = lab.room("journal")
    entries = [
        [_transition(n * _WAITING + k, with_state=with_state) for n in range(_COMMITS_EACH)] for k in range(_WAITING)
    ]
    store = SqliteStore(folder / "journal.db")
    await store.open()
    with frozen():
        await _commits(store, entries)  # the first turn makes the files grow
        turns = [
            (_lines(folder / "journal.jsonl", entries[0][0]), await _commits(store, entries))
            for _ in range(lab.pick(9, 3))
        ]
    await store.close()
    return statistics.median(line for line, _ in turns), statistics.median(commit for _, commit in turns)


def _transition(number: int, *, with_state: bool) -> Entry:
    name = f"agent-{number % _WAITING}"
    row = Kept(1.7e9 + number, "health_changed", name, None, _FIELDS)
    return Entry(agents=((name, _HEALTH),) if with_state else (), rows=(row,))


def _lines(path: Path, entry: Entry) -> float:
    encode = msgspec.json.Encoder().encode
    begin = time.perf_counter()
    with path.open("ab") as file:
        for _ in range(_LINES):
            file.write(encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    return (time.perf_counter() - begin) / _LINES


async def _commits(store: SqliteStore, entry_of_each: list[list[Entry]]) -> float:
    """Return the seconds one commit takes while all of them wait at a time."""

    async def one(entries: list[Entry]) -> None:
        for entry in entries:
            await store.commit(entry)

    begin = time.perf_counter()
    await asyncio.gather(*(one(entries) for entries in entry_of_each))
    return (time.perf_counter() - begin) / (len(entry_of_each) * _COMMITS_EACH)
