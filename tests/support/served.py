"""The control socket of a daemon in memory, served from a thread, for commands that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from supervisor.faces.http import HttpFace
from tests.support.control import WATCHES, MemoryControl

T = TypeVar("T")


class Served:
    """A `HttpFace` over a `MemoryControl`. `start` and `stop` may follow each other, as a daemon's lives do."""

    def __init__(self, control: MemoryControl, socket: Path, watches: dict[str, str | None] = WATCHES) -> None:
        self.control = control
        self.watches = watches
        self.socket = socket
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="served")
        self._face: HttpFace | None = None

    def start(self) -> None:
        """Listen."""
        self._face = HttpFace(self.control, self.socket, "1.2.3", self.watches)
        self._await(self._face.start())

    def stop(self) -> None:
        """Listen no more."""
        if self._face is not None:
            self._await(self._face.close())
            self._face = None

    def call(self, do: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call `do` where the daemon runs, and return its result."""
        result: Future[T] = Future()
        self._loop.call_soon_threadsafe(lambda: result.set_result(do(*args, **kwargs)))
        return result.result(10)

    def _await(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    @contextmanager
    def running(self) -> Iterator[Served]:
        """Listen until the block is left."""
        self._thread.start()
        try:
            self.start()
            yield self
        finally:
            self.stop()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
