"""`status` from the shell, with a daemon that answers."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from tests.benchmarks.lab import ROOT, Lab, agents, configure, daemon, python
from tests.benchmarks.table import Row

_GOAL = 6.0


def measure(lab: Lab) -> Iterator[Row]:
    """Take turns with an interpreter that imports two modules."""
    folder = lab.room("status")
    configure(folder, agents(10))
    ours = python("supervisor", "status", "--config", str(folder / "config.toml"))
    floor = (sys.executable, "-c", "import argparse, json")
    with daemon(folder):
        _seconds(ours)
        turns = [(_seconds(ours), _seconds(floor)) for _ in range(lab.pick(40, 5))]
    status, bare = (1000 * statistics.median(side) for side in zip(*turns, strict=True))
    yield Row(
        "`status` from the shell, 10 agents",
        f"{status:.0f} ms",
        f"python -c 'import argparse, json' {bare:.0f} ms",
        status / bare,
        f"at most {_GOAL:g} x",
        status <= _GOAL * bare,
    )


def _seconds(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    # An installed package has its bytecode, as the standard library has.
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False, cwd=ROOT, env=environ)
    return time.perf_counter() - begin
