"""Durable transitions: group commit with 100 waiting, against JSON lines that are synced one by one.

Run it as `python -m tests.benchmarks.bench_journal [FOLDER]`; the folder's disk is what is measured. Both sides
write the same content, in turns, in one run; the figure is the median of the turns.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from supervisor.domain.events import Beat
from supervisor.domain.health import Health, HealthState
from supervisor.ports import Entry, Row
from supervisor.stores.sqlite import SqliteStore

GOAL = 15.0
WAITING = 100
TURNS = 9
COMMITS_EACH = 40
LINES = 400

_HEALTH = Health(HealthState.UNHEALTHY, since=1.7e9, misses=1, beat=Beat(1.7e9, fingerprint="a1", incarnation="x"))
_FIELDS = {"from": "healthy", "to": "unhealthy", "reason": "no heartbeat for 60 min"}


def transition(number: int, *, with_state: bool) -> Entry:
    """Return the log record of one transition, and with it, where wanted, the agent's whole state."""
    name = f"agent-{number % WAITING}"
    row = Row(1.7e9 + number, "health_changed", name, None, _FIELDS)
    return Entry(agents=((name, _HEALTH),) if with_state else (), rows=(row,))


def lines(path: Path, entry: Entry) -> float:
    """Return the seconds one synced line with the content of `entry` takes."""
    encode = msgspec.json.Encoder().encode
    begin = time.perf_counter()
    with path.open("ab") as file:
        for _ in range(LINES):
            file.write(encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    return (time.perf_counter() - begin) / LINES


async def commits(store: SqliteStore, entry_of_each: list[list[Entry]]) -> float:
    """Return the seconds one commit takes while all of them wait at a time."""

    async def one(entries: list[Entry]) -> None:
        for entry in entries:
            await store.commit(entry)

    begin = time.perf_counter()
    await asyncio.gather(*(one(entries) for entries in entry_of_each))
    return (time.perf_counter() - begin) / (len(entry_of_each) * COMMITS_EACH)


async def ratio(folder: Path, *, with_state: bool) -> tuple[float, float, float]:
    """Return how many times faster a commit is than a line, and the seconds each takes (medians)."""
    entries = [
        [transition(n * WAITING + k, with_state=with_state) for n in range(COMMITS_EACH)] for k in range(WAITING)
    ]
    store = SqliteStore(folder / "journal.db")
    await store.open()
    with frozen():
        await commits(store, entries)  # the first turn makes the files grow
        turns = [(lines(folder / "journal.jsonl", entries[0][0]), await commits(store, entries)) for _ in range(TURNS)]
    await store.close()
    return (
        statistics.median(line / commit for line, commit in turns),
        statistics.median(line for line, _ in turns),
        statistics.median(commit for _, commit in turns),
    )


@contextmanager
def frozen() -> Iterator[None]:
    """Keep what was made so far out of the garbage collector's way, as the daemon does after its start."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def main() -> None:
    """Print the ratios, and whether the first one meets its goal."""
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    for name, with_state, goal in (("log record", False, GOAL), ("log record and agent's state", True, None)):
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            times, line, commit = asyncio.run(ratio(Path(folder), with_state=with_state))
        verdict = "" if goal is None else f", goal {goal:g}: {'met' if times >= goal else 'MISSED'}"
        print(f"{name}: synced line {line * 1e6:.0f} us, commit {commit * 1e6:.1f} us: {times:.1f} times{verdict}")  # noqa: T201


if __name__ == "__main__":
    main()
