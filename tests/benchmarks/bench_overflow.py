"""An overflow: more appends than the kernel's queue holds while the daemon is stopped; then nothing is stale."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.beats import append, line, plant
from tests.benchmarks.lab import Daemon, Lab, agents, beats_of, configure, daemon, wait, when
from tests.benchmarks.table import Row

_GOAL = 4.0
_STOPPED = 8.0  # s: a turn so late is noticed at once; what is shorter the next walk finds


def measure(lab: Lab) -> Iterator[Row]:
    """Stop the daemon, append, let it go on, and wait until it knows the newest heartbeat of every agent."""
    count, appends = lab.pick(10_000, 1_000), lab.pick(100_000, 20_000)
    folder = lab.room("overflow")
    configure(folder, agents(count), '[log]\nlevel = "debug"')
    beats = beats_of(folder)
    plant(beats, count)
    with daemon(folder) as running:
        time.sleep(2)
        os.kill(running.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        files = [f"{beats}/{name}.log" for name in agents(count)]
        last = appends // count
        for number in range(1, last + 1):
            for file in files:
                append(file, line(number))
        time.sleep(max(0.0, _STOPPED - (time.monotonic() - stopped)))
        begin = time.time()
        os.kill(running.pid, signal.SIGCONT)
        wait(lambda: len(_fresh(running, last)) == count, "every agent's newest heartbeat")
        taken = max(_fresh(running, last).values()) - begin
    floor = statistics.median(_floor(beats) for _ in range(5))
    yield Row(
        f"{appends:,} appends to {count:,} files while it was stopped for {_STOPPED:g} s: nothing stale",
        f"{taken:.2f} s",
        f"list and read that folder {floor:.2f} s",
        taken / floor,
        f"at most {_GOAL:g} x",
        taken <= _GOAL * floor,
        "the floor parses nothing and decides nothing; here every line is parsed, and every agent told and logged",
    )


def _fresh(running: Daemon, last: int) -> dict[str, float]:
    """Return when the last heartbeat of each agent was taken in, where it was."""
    beats = running.log("heartbeat_received")
    return {record["agent"]: when(record["timestamp"]) for record in beats if record.get("seq") == last}


def _floor(folder: Path) -> float:
    begin = time.perf_counter()
    with os.scandir(folder) as entries:
        for entry in entries:
            entry.stat()
            fd = os.open(entry.path, os.O_RDONLY)
            os.read(fd, 1 << 16)
            os.close(fd)
    return time.perf_counter() - begin
