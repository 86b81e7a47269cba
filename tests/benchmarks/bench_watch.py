"""The file source: how soon a change is told, what idling costs, what a walk costs and holds up.

Run it as `python -m tests.benchmarks.bench_watch [FOLDER]`; it takes about a minute.
"""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supervisor.ports import Changed
from supervisor.sources._listing import Root, Tree
from supervisor.sources.files import FileSource, Pace

CHANGES = 200
IDLE = 15.0
FOLDERS, FILES = 1000, 100
TURNS = 5
PACE = Pace()


def say(what: str, value: float, unit: str, goal: float) -> None:
    """Print one row, and whether it meets its goal."""
    print(f"{what:50} {value:6.2f} {unit:22} goal {goal:g}: {'met' if value <= goal else 'MISSED'}")  # noqa: T201


class Ears:
    """Consumes a source, and remembers when it said something."""

    def __init__(self, source: FileSource) -> None:
        self.heard = asyncio.Event()
        self.at = 0.0
        self.task = asyncio.create_task(self._listen(source), name="listen")

    async def _listen(self, source: FileSource) -> None:
        async for event in source.events():
            if isinstance(event, Changed):
                self.at = time.perf_counter()
                self.heard.set()

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


async def latency(folder: Path) -> None:
    """One change at a time, at random moments: the delay in steps of the ear."""
    dice, delays = random.Random(1), []  # noqa: S311 - not a secret
    ears = Ears(FileSource([Root(folder)]))
    await asyncio.sleep(1.0)
    for number in range(CHANGES):
        await asyncio.sleep(dice.uniform(0, 4 * PACE.step))
        ears.heard.clear()
        begun = time.perf_counter()
        (folder / f"agent-{number % 10}.log").write_text(f"{number}", encoding="ascii")
        await ears.heard.wait()
        delays.append(ears.at - begun)
    await ears.close()
    cuts = statistics.quantiles(delays, n=100)
    say("change to hint, p50", cuts[49] / PACE.step, "steps", 1.2 * 1.5)
    say("change to hint, p99", cuts[98] / PACE.step, "steps", 1.3 * 2)


async def idle(folder: Path) -> None:
    """Nothing happens."""
    ears = Ears(FileSource([Root(folder)]))
    await asyncio.sleep(1.0)
    begun = time.process_time()
    await asyncio.sleep(IDLE)
    say("CPU with nothing happening", 100 * (time.process_time() - begun) / IDLE, "% of a core", 0.4)
    await ears.close()


def walks(folder: Path) -> None:
    """List again what is known, against a stat walk in C (`find`)."""
    tree = Tree(Root(folder), threading.Event())
    tree.scan()
    ratios = []
    for _ in range(TURNS):
        with cpu(resource.RUSAGE_CHILDREN) as floor:
            subprocess.run(["find", str(folder), "-printf", "%T@ %s %i\n"], stdout=subprocess.DEVNULL, check=True)
        with cpu(resource.RUSAGE_SELF) as ours:
            tree.scan()
        ratios.append(ours[0] / floor[0])
    say(f"listing {FOLDERS * FILES} files again", statistics.median(ratios), "x a walk in C", 2.5)


async def loop_held(folder: Path) -> None:
    """Walk all the time, and measure how long the event loop waits at the worst."""
    source = FileSource([Root(folder)], Pace(walk_every=0.1))
    ears, worst = Ears(source), 0.0
    await asyncio.sleep(5.0)
    until = time.perf_counter() + 5.0
    while (begun := time.perf_counter()) < until:
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - begun - 0.001)
    await ears.close()
    say("event loop held during walks, worst", 1000 * worst, "ms", 20)


@contextmanager
def cpu(who: int) -> Iterator[list[float]]:
    """Measure the CPU seconds (user + system) spent inside."""
    spent: list[float] = []
    before = resource.getrusage(who)
    yield spent
    after = resource.getrusage(who)
    spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Measure in the folder that is named, or in a temporary one."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        small, large = Path(name) / "small", Path(name) / "large"
        small.mkdir()
        for number in range(FOLDERS):
            folder = large / f"client-{number}"
            folder.mkdir(parents=True)
            for invoice in range(FILES):
                (folder / f"INV-{number}-{invoice}.json").touch()
        asyncio.run(latency(small))
        asyncio.run(idle(small))
        walks(large)
        asyncio.run(loop_held(large))


if __name__ == "__main__":
    main()
