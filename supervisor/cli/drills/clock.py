"""The wall clock is set an hour ahead, and then two hours back, while an agent is awaited.

Not real is the clock itself: only root can set it, and the whole machine would feel it. The daemon's own reading of the
wall clock is moved, and its agent writes, and its file is dated, by the same time. All that follows is as in earnest.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count
from supervisor.filesystem import write_atomic

_TIMEOUT = 4.0
_SOON = 1.6  # the clock is looked at every second
_HOUR = 3600.0


class _Wall:
    """A clock on the wall that can be set."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(0.0)

    def set(self, offset: float) -> None:
        """Be off by `offset` (s) from now on."""
        self._offset = offset
        write_atomic(self.file, f"{offset}".encode())

    def now(self) -> float:
        """Seconds since the epoch, as this clock has it."""
        return time.time() + self._offset

    def beat(self, file: Path) -> float:
        """Write a heartbeat as a machine with this clock does; return when it was."""
        at = self.now()
        text = json.dumps({"timestamp": datetime.fromtimestamp(at, UTC).isoformat()})
        made = file.with_name(f".{file.name}.new")
        made.write_text(text, "utf-8")
        os.utime(made, (at, at))
        made.replace(file)
        return at


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Set the clock ahead, let the agent fall silent, set the clock back, let it beat."""
    site.configure(f"""
[gate]
settle = "500ms"
[agents.worker]
heartbeat_timeout = "{_TIMEOUT}s"
check_interval = "1m"
[agents.worker.restart]
{site.counted()}
""")
    wall = _Wall(site.folder / "offset")
    site.daemon = [sys.executable, "-P", "-m", f"{__package__}._daemon", str(site.config), str(wall.file)]
    file = site.beats / "worker.json"
    await site.start()
    last = wall.beat(file)
    await site.logged("health_changed", new="healthy")
    wall.set(_HOUR)
    at = wall.now()
    closed = await site.logged("gate_closed", reason="clock_stepped")
    yield within("an hour ahead: the gate is closed", moment(closed["timestamp"]) - at, _SOON)
    opened = await site.logged("gate_opened", after=at)
    misses, restarts = len(site.log("heartbeat_missed")), site.restarts()
    yield Step(
        "no miss, no restart when it opens again",
        f"{count(misses, 'miss')}, {count(restarts, 'restart')}, after {opened['seconds']:.1f} s",
        not misses + restarts,
    )
    missed = await site.logged("heartbeat_missed")
    yield within("the silence is as long as it was", moment(missed["timestamp"]) - last - _HOUR - _TIMEOUT)
    await site.wait(lambda: site.restarts() == 1, "it is restarted")
    wall.set(-_HOUR)
    at = wall.now()
    await site.wait(lambda: len(site.log("gate_closed", reason="clock_stepped")) > 1, "the gate is closed again")
    back = moment(site.log("gate_closed", reason="clock_stepped")[1]["timestamp"])
    yield within("two hours back: the gate is closed", back - at, _SOON)
    at = wall.beat(file)
    # By the new time everything that was logged before lies ahead: it is counted.
    await site.wait(lambda: len(site.log("health_changed", new="healthy")) > 1, "a heartbeat by the new time counts")
    healthy = site.log("health_changed", new="healthy")[1]
    yield within("a heartbeat by the new time counts", moment(healthy["timestamp"]) - at)
    doubted = len(site.log("clock_skew"))
    yield Step("its clock is not doubted", f"{count(doubted, 'doubt')}, {site.restarts()} restarted", not doubted)
