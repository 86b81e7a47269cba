"""Threads for what would hold up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """Threads for blocking work: each does a piece at a time, in the order of the calls. Implements `ports.Offload`."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def __call__(self, work: Callable[[], T]) -> T:
        """Return what `work` returns."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)

    def close(self) -> None:
        """Let the threads end once they are free."""
        self.pool.shutdown(wait=False, cancel_futures=True)
