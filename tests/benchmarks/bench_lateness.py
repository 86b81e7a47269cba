"""From a deadline to the decision that it was missed: agents that never beat, with their deadlines spread."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.lab import Lab, agents, configure, daemon, monit, monit_check, percentile, wait, when
from tests.benchmarks.table import Row

_FIRST = 8.0
_LIMIT = 0.05
_PEERS = 20
_FLEET = """
[gate]
settle = "0s"
share = 1.0
[defaults]
heartbeat_timeout = "1h"
check_interval = "1h"
"""


def measure(lab: Lab) -> Iterator[Row]:
    """Let the deadlines pass, and look how late the daemon and monit are."""
    count, spread = lab.pick(1000, 200), lab.pick(20.0, 4.0)
    folder = lab.room("lateness")
    names = agents(count)
    promises = {name: f'heartbeat_timeout = "{_FIRST + spread * n / count:.3f}s"' for n, name in enumerate(names)}
    # And one that is not awaited yet: a fleet that is silent as a whole is another matter.
    configure(folder, [*names, "awake"], _FLEET, lambda name: promises.get(name, ""))
    with ExitStack() as stack:
        theirs = Monits(folder, spread)
        running = stack.enter_context(daemon(folder))
        peer = stack.enter_context(monit(folder, theirs.checks()))
        wait(lambda: len(running.log("heartbeat_missed")) == count, "all misses", _FIRST + spread + 60)
        missed = running.log("heartbeat_missed")
        if peer is not None:
            wait(lambda: len(theirs.late()) == _PEERS, "what monit saw")
    late = [when(record["timestamp"]) - when(record["due"]) for record in missed]
    p50, p99 = percentile(late, 0.5), percentile(late, 0.99)
    other = None if peer is None else percentile(theirs.late(), 0.5)
    yield Row(
        f"a deadline passes to the miss decided, {count:,} agents, p99",
        f"{1000 * p99:.1f} ms (p50 {1000 * p50:.1f} ms)",
        "monit: not installed" if other is None else f"monit, 1 s cycle, p50 {1000 * other:.0f} ms",
        None if other is None else p99 / other,
        f"at most {1000 * _LIMIT:.0f} ms late",
        p99 <= _LIMIT,
    )


class Monits:
    """Files that go out of date one after another, and what monit makes of it."""

    def __init__(self, folder: Path, spread: float) -> None:
        self._out = folder / "seen"
        self._out.mkdir()
        now, limit = time.time(), int(_FIRST)
        # A file is out of date when it is older than `limit`, and monit counts whole seconds.
        self._due = {folder / f"file-{n}": now + limit + spread * n / _PEERS for n in range(_PEERS)}
        self._limit = limit
        for file, due in self._due.items():
            file.touch()
            os.utime(file, (due - limit, due - limit))

    def checks(self) -> list[str]:
        """Return the checks."""
        command = "/usr/bin/touch {}"
        return [
            monit_check(file.name, file, f"{self._limit} seconds", command.format(self._out / file.name))
            for file in self._due
        ]

    def late(self) -> list[float]:
        """Return how late (s) each was seen that was seen."""
        seen = ((self._out / file.name, due) for file, due in self._due.items())
        return [mark.stat().st_mtime - due for mark, due in seen if mark.exists()]
