"""Resident memory: of an agent, and of the daemon."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.benchmarks.beats import plant
from tests.benchmarks.lab import (
    ROOT,
    Lab,
    agents,
    beats_of,
    configure,
    daemon,
    monit,
    monit_check,
    python,
    resident,
)
from tests.benchmarks.table import Row

_AGENT = 2.5e3
_DAEMON = 45e6
_SETTLE = 4.0
_IMPORTS = (
    "import os, supervisor.app; print(int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGESIZE'))"
)


def measure(lab: Lab) -> Iterator[Row]:
    """Compare a large fleet with one agent, and a small one with the imports alone."""
    count = lab.pick(10_000, 2_000)
    (ours_none, monit_none), (ours_many, monit_many) = _resident(lab, 1), _resident(lab, count)
    ours = (ours_many - ours_none) / (count - 1)
    peer = None if monit_many is None or monit_none is None else (monit_many - monit_none) / (count - 1)
    yield Row(
        f"memory an agent, {count:,} agents",
        f"{ours / 1e3:.1f} KB",
        "monit: not installed" if peer is None else f"monit {peer / 1e3:.1f} KB",
        None if peer is None else ours / peer,
        f"at most {_AGENT / 1e3} KB",
        ours <= _AGENT,
        "a third is the coroutine of each agent with its task and timer, a fifth its configuration",
    )
    used, _ = _resident(lab, 100)
    done = subprocess.run((*python("x")[:1], "-c", _IMPORTS), capture_output=True, check=True, cwd=ROOT)
    imports = int(done.stdout)
    yield Row(
        "resident memory of the daemon, 100 agents",
        f"{used / 1e6:.0f} MB",
        f"its imports alone {imports / 1e6:.0f} MB",
        used / imports,
        f"at most {_DAEMON / 1e6:.0f} MB",
        used <= _DAEMON,
        "the goal is one without HTTP; the control socket is HTTP, and always there: nearly all of it is imports",
    )


def _resident(lab: Lab, count: int) -> tuple[int, int | None]:
    """Return what the daemon and monit hold with so many agents that have all beaten."""
    folder = lab.room("memory")
    names = agents(count)
    configure(folder, names)
    plant(beats_of(folder), count)
    checks = [monit_check(name, beats_of(folder) / f"{name}.log", "60 minutes") for name in names]
    with ExitStack() as stack:
        running = stack.enter_context(daemon(folder))
        other = stack.enter_context(monit(folder, checks))
        time.sleep(_SETTLE)
        return resident(running.pid), None if other is None else resident(other.pid)
