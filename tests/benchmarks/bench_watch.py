"""The stat walk over a large tree: what it costs, and how long it holds the event loop."""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from supervisor.sources._listing import Root, Tree
from supervisor.sources.files import FileSource, Pace
from tests.benchmarks.lab import Lab
from tests.benchmarks.table import Row

_WALK = 2.5
_HELD = 20.0
_FILES = 100


def measure(lab: Lab) -> Iterator[Row]:
    """Walk a tree of state files again and again."""
    folders = lab.pick(1000, 100)
    tree = lab.room("watch")
    for number in range(folders):
        (tree / f"client-{number}").mkdir()
        for invoice in range(_FILES):
            (tree / f"client-{number}" / f"INV-{invoice}.json").touch()
    ours, floor = _walks(tree, lab.pick(7, 3))
    yield Row(
        f"listing {folders * _FILES:,} files again",
        f"{1000 * ours:.0f} ms of CPU",
        f"find, in C {1000 * floor:.0f} ms",
        ours / floor,
        f"at most {_WALK} x",
        ours <= _WALK * floor,
    )
    held = 1000 * asyncio.run(_held(tree, lab.pick(5.0, 2.0)))
    alone = 1000 * asyncio.run(_held(lab.room("empty"), lab.pick(5.0, 2.0)))
    yield Row(
        f"the event loop held by walks over {folders * _FILES:,} files, at the worst",
        f"{held:.1f} ms",
        f"an empty folder {alone:.1f} ms",
        held / alone,
        f"under {_HELD:g} ms",
        held < _HELD,
    )


def _walks(folder: Path, turns: int) -> tuple[float, float]:
    """Return the CPU (s) of listing what is known, and of a stat walk in C (medians)."""
    tree = Tree(Root(folder), threading.Event())
    tree.scan()
    find = ["find", str(folder), "-printf", "%T@ %s %i\n"]
    ours, floor = [], []
    for _ in range(turns):
        ours.append(_cpu(resource.RUSAGE_SELF, tree.scan))
        floor.append(
            _cpu(resource.RUSAGE_CHILDREN, lambda: subprocess.run(find, stdout=subprocess.DEVNULL, check=True))
        )
    return statistics.median(ours), statistics.median(floor)


def _cpu(who: int, work: Callable[[], object]) -> float:
    before = resource.getrusage(who)
    work()
    after = resource.getrusage(who)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def _held(folder: Path, seconds: float) -> float:
    """Walk all the time; return the worst lateness (s) of the event loop."""
    listening = asyncio.create_task(_listen(FileSource([Root(folder)], Pace(walk_every=0.1))))
    await asyncio.sleep(seconds)
    worst, until = 0.0, time.perf_counter() + seconds
    while (begin := time.perf_counter()) < until:
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - begin - 0.001)
    listening.cancel()
    await asyncio.wait({listening})
    return worst


async def _listen(source: FileSource) -> None:
    async for _ in source.events():
        pass
