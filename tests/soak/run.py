"""One soak: the daemon and the city, samples, calm, and what is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak import gauges
from tests.soak.city import City
from tests.soak.judge import Verdict, judged
from tests.support import plain

ROOT = Path(__file__).parents[2]
_PATIENCE = 180.0
"""Longest time (s) until the daemon is ready, and until all is well after the unrest."""

_AS_A_UNIT = {"MALLOC_ARENA_MAX": "2"}
"""What the units set, too: else each thread that begins late takes some MB of its own."""

_BAD = frozenset(
    {
        "service_failed",
        "journal_failed",
        "watch_lost",
        "library_reported",
        "dashboard_failed",
        "http_failed",
        "log_dropped",
    }
)


class SoakError(Exception):
    """The daemon did not live as it should; the text says how."""


@dataclass
class Report:
    """What came of it. `acts`: what the city did, by sort; `samples`: every measure by time (s)."""

    seconds: float
    agents: int
    acts: dict[str, int]
    samples: list[dict[str, float]]
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def flat(self) -> bool:
        return not any(verdict.grows for verdict in self.verdicts)

    def document(self) -> dict[str, Any]:
        """Return it, JSON-ready."""
        return {
            "seconds": self.seconds,
            "agents": self.agents,
            "flat": self.flat,
            "acts": dict(sorted(self.acts.items())),
            "verdicts": [verdict.document() for verdict in self.verdicts],
            "samples": self.samples,
        }


async def soak(
    folder: Path,
    *,
    seconds: float,
    agents: int,
    warm_up: float,
    every: float = 2.0,
    leaky: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Let a daemon live among so many agents for so long, and judge what it uses. Raises SoakError.

    Args:
        seconds: how long there is unrest.
        warm_up: how much of that (s) is not judged.
        every: seconds between two samples.
        leaky: the daemon leaks on purpose.
        say: told of each step.
    """
    city = City(folder, agents)
    async with city.people():
        command = [sys.executable, "-m", "tests.soak.watched", str(city.config), *(["--leak"] if leaky else [])]
        with (folder / "log").open("wb") as log:
            daemon = subprocess.Popen(  # noqa: ASYNC220 - a fork, and then nothing waits for it here
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**plain.environ(), "MALLOC_ARENA_MAX": "2"},
            )
        try:
            living = asyncio.create_task(city.live(), name="beats")
            await _until(lambda: _ready(folder), "supervisor_ready", daemon, folder)
            say("the daemon is ready")
            samples = await _unrest(city, daemon, seconds, every, say)
            await city.calm()
            say("calm")
            await _until(lambda: _well(folder), "health of all", daemon, folder)
            living.cancel()
            daemon.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(daemon.wait, 30)
            if code:
                raise SoakError(f"the daemon ended with exit code {code}\n{_end_of_log(folder)}")
        finally:
            daemon.kill()
            daemon.wait()
    if bad := _bad(folder):
        raise SoakError(f"the daemon's log tells of {bad}")
    return Report(
        seconds, agents, city.acts, samples, judged(samples, gauges.LIMITS, warm_up=warm_up, absent=gauges.ABSENT)
    )


async def _unrest(
    city: City, daemon: subprocess.Popen[bytes], seconds: float, every: float, say: Callable[[str], None]
) -> list[dict[str, float]]:
    samples: list[dict[str, float]] = []
    begun = time.monotonic()

    async def look() -> None:
        while (t := time.monotonic() - begun) < seconds:
            await asyncio.sleep(every)
            if daemon.poll() is not None:
                raise SoakError(f"the daemon has ended with exit code {daemon.returncode}\n{_end_of_log(city.folder)}")
            samples.append({"t": round(t, 1), **await asyncio.to_thread(gauges.sample, daemon.pid, city.folder)})
            if len(samples) % 15 == 0:
                say(" ".join(f"{name}={value:g}" for name, value in samples[-1].items()))

    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(part, name=name) for name, part in city.unrest().items()]
        await look()
        for part in parts:
            part.cancel()
    return samples


async def _until(true: Callable[[], bool], what: str, daemon: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not await asyncio.to_thread(true):
        if daemon.poll() is not None or time.monotonic() > end:
            raise SoakError(f"no {what} within {_PATIENCE:g} s\n{_end_of_log(folder)}")
        await asyncio.sleep(0.5)


def _ready(folder: Path) -> bool:
    return b'"event":"supervisor_ready"' in (folder / "log").read_bytes()


def _well(folder: Path) -> bool:
    """Whether everybody is healthy, and no incident is open."""
    words = [sys.executable, "-m", "supervisor", "status", "--json", "--config", str(folder / "config.toml")]
    done = subprocess.run(words, capture_output=True, check=False, cwd=ROOT, env=plain.environ())
    if not done.stdout:
        return False
    status = json.loads(done.stdout)
    return all(agent["status"] == "healthy" for agent in status["agents"]) and not status["incidents"]


def _bad(folder: Path) -> dict[str, int]:
    """Return how often the log tells of what should not happen."""
    found: dict[str, int] = {}
    with (folder / "log").open("rb") as log:
        for line in log:
            with suppress(ValueError):
                event = json.loads(line)["event"]
                if event in _BAD:
                    found[event] = found.get(event, 0) + 1
    return found


def _end_of_log(folder: Path) -> str:
    with (folder / "log").open("rb") as log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - 6000))
        return log.read().decode(errors="replace")
