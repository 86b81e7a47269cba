"""Peers that only listen to a folder: `python -m tests.benchmarks.ears KIND FOLDER`, KIND one of `KINDS`.

Each prints the time (s since the epoch) at which it hears of something.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable

from watchfiles import awatch

from supervisor.sources.files import Pace

_IN_CLOSE_WRITE_MODIFY_ATTRIB = 0x8 | 0x2 | 0x4


def _say() -> None:
    sys.stdout.write(f"{time.time()!r}\n")
    sys.stdout.flush()


async def _inotify(folder: str) -> None:
    """Listen by inotify itself, in asyncio: the floor."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK)
    if fd < 0 or libc.inotify_add_watch(fd, os.fsencode(folder), _IN_CLOSE_WRITE_MODIFY_ATTRIB) < 0:
        raise OSError(ctypes.get_errno(), "inotify")

    def heard() -> None:
        now = time.time()
        os.read(fd, 1 << 16)
        sys.stdout.write(f"{now!r}\n")
        sys.stdout.flush()

    asyncio.get_running_loop().add_reader(fd, heard)
    await asyncio.get_running_loop().create_future()


async def _awatch(folder: str) -> None:
    """Listen by awatch as it is."""
    async for _ in awatch(folder):
        _say()


async def _awatch_paced(folder: str) -> None:
    """Listen by awatch at our own pace."""
    pace = Pace()
    step, debounce = round(pace.step * 1000), round(pace.debounce * 1000)
    async for _ in awatch(folder, watch_filter=None, step=step, debounce=debounce, recursive=False):
        _say()


KINDS: dict[str, Callable[[str], object]] = {"inotify": _inotify, "awatch": _awatch, "awatch-paced": _awatch_paced}

if __name__ == "__main__":
    asyncio.run(KINDS[sys.argv[1]](sys.argv[2]))  # type: ignore[arg-type]
