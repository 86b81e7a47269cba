"""Heartbeat tails: aiofiles, a thread hop for each, and one worker thread with batches.

It decides how the daemon reads: by the cheapest.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiofiles

from supervisor.filesystem import RealFiles
from supervisor.ports import FileTail
from tests.benchmarks.beats import line
from tests.benchmarks.lab import Lab
from tests.benchmarks.table import Row

_BATCH = 500
_LIMIT = 64 * 1024


def measure(lab: Lab) -> Iterator[Row]:
    """Read the same files in each way, in turns."""
    folder = lab.room("reads")
    paths = [folder / f"agent-{number}.log" for number in range(lab.pick(2000, 500))]
    for path in paths:
        path.write_bytes(line(1) * 20)
    cost = {name: 1e6 * seconds for name, seconds in asyncio.run(_medians(paths, lab.pick(5, 3))).items()}
    yield Row(
        "a heartbeat file's end read, batches in one thread",
        f"{cost['batches']:.0f} us",
        f"aiofiles {cost['aiofiles']:.0f} us (a hop each {cost['hops']:.0f} us, open and read {cost['floor']:.0f} us)",
        cost["batches"] / cost["aiofiles"],
        "the cheapest",
        cost["batches"] <= min(cost["aiofiles"], cost["hops"]),
    )


async def _medians(paths: Sequence[Path], turns: int) -> dict[str, float]:
    """Return the CPU seconds (user and system, all threads) that each way takes for one file."""
    taken: dict[str, list[float]] = {}
    with ThreadPoolExecutor(1) as pool:
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "floor": lambda: _plainly(paths),
            "aiofiles": lambda: _with_aiofiles(paths),
            "hops": lambda: _with_hops(paths, pool),
            "batches": lambda: _with_batches(paths, pool),
        }
        for _ in range(turns):
            for name, way in ways.items():
                begin = time.process_time()
                await way()
                taken.setdefault(name, []).append((time.process_time() - begin) / len(paths))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


async def _plainly(paths: Sequence[Path]) -> None:
    """Nothing checked, nothing bounded, on the loop's own thread."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            file.read()


async def _with_aiofiles(paths: Sequence[Path]) -> None:
    """Do what `RealFiles.tail` does, through aiofiles."""
    for path in paths:
        async with aiofiles.open(path, "rb") as file:
            size = await file.seek(0, 2)
            await file.seek(max(0, size - _LIMIT))
            await file.read(_LIMIT)


async def _with_hops(paths: Sequence[Path], pool: ThreadPoolExecutor) -> None:
    loop, tail = asyncio.get_running_loop(), RealFiles().tail
    for path in paths:
        await loop.run_in_executor(pool, tail, path, _LIMIT)


async def _with_batches(paths: Sequence[Path], pool: ThreadPoolExecutor) -> None:
    files = RealFiles()

    def read(batch: Sequence[Path]) -> list[FileTail | None]:
        return [files.tail(path, _LIMIT) for path in batch]

    for start in range(0, len(paths), _BATCH):
        await asyncio.get_running_loop().run_in_executor(pool, read, paths[start : start + _BATCH])
