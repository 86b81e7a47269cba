"""A terminal on which a command runs, and what a person would see there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte


class Terminal:
    """A command on a terminal of this size, as a person sees it."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int, columns: int, lines: int) -> None:
        self.process = process
        self._fd = fd
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)
        self.process.send_signal(signal.SIGWINCH)

    def until(self, condition: Callable[[list[str]], bool], limit: float = 20.0) -> list[str]:
        """Look until the screen is so."""
        end = time.monotonic() + limit
        while not condition(self.lines):
            assert time.monotonic() < end, "\n".join(self.lines)
            self._look(0.05)
        return self.lines

    def settle(self, seconds: float) -> None:
        """Look for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._look(0.05)

    def until_over(self) -> int:
        """Look until the command has ended; return its exit code."""
        end = time.monotonic() + 20
        while self.process.poll() is None:
            assert time.monotonic() < end, "\n".join(self.lines)
            self._look(0.05)
        self._look(0.0)
        return self.process.returncode

    def _look(self, patience: float) -> None:
        if select.select([self._fd], [], [], patience)[0]:
            try:
                self._stream.feed(os.read(self._fd, 65536))
            except OSError:
                time.sleep(0.01)  # the other end is closed


@contextmanager
def terminal(*command: str, columns: int = 80, lines: int = 24, **environ: str) -> Iterator[Terminal]:
    """Run the command on a terminal of its own until the block is left."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    environ = {**variables, "TERM": "xterm", **environ}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours, columns, lines)
        finally:
            process.kill()
            os.close(ours)
