"""Log records on standard output: one JSON object a line, or lines for people on a terminal.

A thread of its own renders and writes, so that a slow reader never holds the event loop. Its queue is bounded: when it
is full the oldest debug records go first, then the oldest of all, and a `log_dropped` record says how many.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import IO, Any, Literal

from supervisor.domain.records import Level, LibraryReported, LogDropped, Record
from supervisor.faces.console import Console
from supervisor.faces.lines import journald_line, json_line, row_fields

__all__ = ["Format", "LogSink", "configure", "row_fields"]

Format = Literal["json", "console"]

_RANK = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_CAPACITY = 10_000


class LogSink:
    """Takes records at once and writes them, in order, from a thread.

    Args:
        fd: where to; the sink keeps a copy of it.
        render: the line of a record, without its end.
        level: records below it are passed over.
        capacity: records that may wait.
    """

    def __init__(
        self, fd: int, render: Callable[[Record, float], bytes], level: Level, capacity: int = _CAPACITY
    ) -> None:
        self._fd = os.dup(fd)
        self._render = render
        self._least = _RANK[level]
        self._capacity = capacity
        self._waiting = threading.Condition()
        self._debug: deque[tuple[int, Record, float]] = deque()
        self._other: deque[tuple[int, Record, float]] = deque()
        self._number = 0
        self._dropped = 0
        self._torn = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def emit(self, record: Record, at: float | None = None) -> None:
        """Hand over `record`, made at `at` (s since the epoch; now where None). Never waits, never raises."""
        if _RANK[record.LEVEL] < self._least:
            return
        with self._waiting:
            if self._closing:
                return
            if len(self._debug) + len(self._other) >= self._capacity:
                (self._debug or self._other).popleft()
                self._dropped += 1
            self._number += 1
            queue = self._other if _RANK[record.LEVEL] else self._debug
            queue.append((self._number, record, time.time() if at is None else at))
            self._waiting.notify()

    def close(self, timeout: float = 2.0) -> bool:
        """Write what waits, `timeout` seconds at most; return whether all was written. Later ones are ignored."""
        with self._waiting:
            self._closing = True
            self._waiting.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive() and not self._dropped

    def _run(self) -> None:
        try:
            while batch := self._next():
                for _, record, at in batch:
                    self._write(record, at)
        finally:
            os.close(self._fd)

    def _next(self) -> list[tuple[int, Record, float]]:
        """Wait for records and take all of them, oldest first; none: the sink is closed."""
        with self._waiting:
            while not (self._debug or self._other or self._closing):
                self._waiting.wait()
            batch = sorted([*self._debug, *self._other], key=lambda item: item[0])
            self._debug.clear()
            self._other.clear()
        return batch

    def _write(self, record: Record, at: float) -> None:
        with self._waiting:
            lost, self._dropped = self._dropped, 0
        if lost and not self._put(self._render(LogDropped(lost), at)):
            with self._waiting:
                self._dropped += lost + 1
        elif not self._put(self._render(record, at)):
            with self._waiting:
                self._dropped += 1

    def _put(self, line: bytes) -> bool:
        """Write one line whole; False where the other end is closed or the disk full."""
        # After half a line that could not be ended, a fresh one must not be glued to it.
        left = memoryview(b"\n" + line + b"\n" if self._torn else line + b"\n")
        whole = len(left)
        try:
            while left:
                try:
                    left = left[os.write(self._fd, left) :]
                except BlockingIOError:  # a terminal or pipe that somebody else made non-blocking
                    poll = select.poll()
                    poll.register(self._fd, select.POLLOUT)
                    poll.poll()
        except OSError:
            self._torn = self._torn or len(left) < whole
            return False
        self._torn = False
        return True


class LibraryHandler(logging.Handler):
    """Takes what libraries log, and makes records of it."""

    def __init__(self, sink: LogSink) -> None:
        super().__init__(logging.WARNING)
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Log one message, with its traceback where it has one."""
        self._sink.emit(LibraryReported(record.name, self.format(record)), record.created)


def configure(form: Format, level: Level, stream: IO[Any] | None, environ: Mapping[str, str] = os.environ) -> LogSink:
    """Return a sink that writes records of `level` and above to `stream`, which must have a file descriptor.

    None (a process started with standard output closed) writes nowhere. Under journald each line carries its priority.
    """
    if stream is None:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path of ours
            return LogSink(nowhere.fileno(), json_line, level)
    stream.flush()
    if form == "console":
        colours = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        return LogSink(stream.fileno(), Console(colours=colours), level)
    return LogSink(stream.fileno(), journald_line if _under_journald(stream, environ) else json_line, level)


def _under_journald(stream: IO[Any], environ: Mapping[str, str]) -> bool:
    """Whether journald reads this very stream (systemd.exec(5)): a child's redirected output is not it."""
    found = os.fstat(stream.fileno())
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
