"""Heartbeat tails: aiofiles, a thread hop for each, and one worker thread with batches, in the same run.

Run it as `python -m tests.benchmarks.bench_reads [FOLDER]`. It decides how the daemon reads: by the cheapest.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiofiles

from supervisor.filesystem import RealFiles
from supervisor.ports import FileTail

FILES = 2000
BATCH = 500
LIMIT = 64 * 1024
TURNS = 5
LINE = b'{"timestamp": "2026-01-01T00:00:00.000000", "kind": "ok", "seq": 1, "pending": 3, "phase": "working"}\n'


def floor(paths: list[Path]) -> None:
    """Open, read, close: nothing checked, nothing bounded, on the caller's own thread."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            file.read()


async def with_aiofiles(paths: list[Path]) -> None:
    """Do what `RealFiles.tail` does, through aiofiles."""
    for path in paths:
        async with aiofiles.open(path, "rb") as file:
            size = await file.seek(0, 2)
            await file.seek(max(0, size - LIMIT))
            await file.read(LIMIT)


async def with_hops(paths: list[Path], pool: ThreadPoolExecutor) -> None:
    """Read each file in the worker thread by itself."""
    loop, tail = asyncio.get_running_loop(), RealFiles().tail
    for path in paths:
        await loop.run_in_executor(pool, tail, path, LIMIT)


async def with_batches(paths: list[Path], pool: ThreadPoolExecutor) -> None:
    """Read the files in the worker thread, many at a time."""
    files = RealFiles()

    def read(batch: list[Path]) -> list[FileTail | None]:
        return [files.tail(path, LIMIT) for path in batch]

    for start in range(0, len(paths), BATCH):
        await asyncio.get_running_loop().run_in_executor(pool, read, paths[start : start + BATCH])


async def cost(read: Callable[[], Awaitable[None]]) -> float:
    """Return the CPU seconds (user + system, all threads) that `read` takes for one file."""
    begun = time.process_time()
    await read()
    return (time.process_time() - begun) / FILES


async def measure(folder: Path) -> None:
    """Print what each way costs."""
    paths = [folder / f"agent-{number}.log" for number in range(FILES)]
    for path in paths:
        path.write_bytes(LINE * 20)
    turns: dict[str, list[float]] = {name: [] for name in ("floor", "aiofiles", "hops", "batches")}
    with ThreadPoolExecutor(1) as pool:
        for _ in range(TURNS):
            begun = time.process_time()
            floor(paths)
            turns["floor"].append((time.process_time() - begun) / FILES)
            turns["aiofiles"].append(await cost(lambda: with_aiofiles(paths)))
            turns["hops"].append(await cost(lambda: with_hops(paths, pool)))
            turns["batches"].append(await cost(lambda: with_batches(paths, pool)))
    costs = {name: statistics.median(values) for name, values in turns.items()}
    for name, value in costs.items():
        print(f"{name:9} {value * 1e6:7.1f} us a file  {value / costs['floor']:5.1f} x the floor")  # noqa: T201
    print(f"aiofiles costs {costs['aiofiles'] / costs['batches']:.1f} x one thread with batches of {BATCH}")  # noqa: T201


def main() -> None:
    """Measure in the folder that is named, or in a temporary one."""
    if len(sys.argv) > 1:
        asyncio.run(measure(Path(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
