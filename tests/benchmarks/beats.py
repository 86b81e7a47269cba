"""Agents that beat: appends lines to their files in turn, evenly in time, in a process of its own.

`python -m tests.benchmarks.beats FOLDER AGENTS RATE SECONDS` prints how far (s) it was behind at the worst.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.lab import agents

_TICK = 0.01
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


def line(number: int) -> bytes:
    """Return a heartbeat of now, as agents write it."""
    now = datetime.now(UTC).isoformat()
    return b'{"timestamp":"%s","kind":"ok","seq":%d}\n' % (now.encode(), number)


def append(path: str, data: bytes) -> None:
    """Append one line, as an agent does that keeps no file open."""
    fd = os.open(path, _FLAGS, 0o644)
    os.write(fd, data)
    os.close(fd)


def plant(folder: Path, count: int) -> None:
    """Let every agent beat once."""
    for name in agents(count):
        append(f"{folder}/{name}.log", line(0))


def keep(folder: Path, count: int, rate: float, seconds: float) -> float:
    """Beat `rate` times a second for so many seconds; return the worst lateness (s)."""
    paths = [f"{folder}/{name}.log" for name in agents(count)]
    random.shuffle(paths)
    begin, written, worst = time.monotonic(), 0, 0.0
    while written < rate * seconds:
        due = time.monotonic() - begin
        while written < min(due, seconds) * rate:
            append(paths[written % count], line(1 + written // count))
            written += 1
        worst = max(worst, time.monotonic() - begin - written / rate)
        time.sleep(_TICK)
    return worst


if __name__ == "__main__":
    folder_, count_, rate_, seconds_ = sys.argv[1:]
    print(json.dumps(keep(Path(folder_), int(count_), float(rate_), float(seconds_))))  # noqa: T201
