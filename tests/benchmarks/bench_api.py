"""The API while agents beat, against a bare aiohttp handler; and what 500 streams and 100 slow clients do to it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.beats import plant
from tests.benchmarks.lab import Lab, agents, beats_of, configure, daemon, percentile, process, python, wait
from tests.benchmarks.table import Row

_AGENTS, _STREAMS, _SLOW = 1000, 500, 100
_RATIO = 4.0
_DELAY = 0.05
_HEAD = "HTTP/1.1\r\nHost: localhost\r\n"


def measure(lab: Lab) -> Iterator[Row]:
    """Ask the daemon and the floor in turn, with and without the crowd."""
    folder, turns = lab.room("api"), lab.pick(2000, 300)
    names = agents(_AGENTS)
    configure(folder, names)
    beats = beats_of(folder)
    plant(beats, _AGENTS)
    with ExitStack() as stack:
        stack.enter_context(daemon(folder))
        ours = Client(folder / "control.sock", f"/api/v1/agents/{names[0]}")
        health = Client(folder / "control.sock", "/healthz")
        size = ours.ask()[1]
        floor_socket = folder / "bare.sock"
        stack.enter_context(process(*python("tests.benchmarks.bare", str(floor_socket), str(size))))
        wait(floor_socket.exists, "the floor")
        floor = Client(floor_socket, "/")
        # Each beats once a minute, and somebody asks all the time.
        words = (str(beats), str(_AGENTS), str(_AGENTS / 60), "3600")
        stack.enter_context(process(*python("tests.benchmarks.beats", *words)))
        time.sleep(1)
        took = [(ours.ask()[0], floor.ask()[0]) for _ in range(turns)]
        one, bare = (percentile(side, 0.99) for side in zip(*took, strict=True))
        yield Row(
            f"the API answers for one agent while {_AGENTS:,} beat, p99",
            f"{1000 * one:.1f} ms",
            f"a bare aiohttp handler {1000 * bare:.1f} ms",
            one / bare,
            f"at most {_RATIO:g} x",
            one <= _RATIO * bare,
            "each answer is a picture of everything at one moment, taken anew",
        )
        calm = percentile([health.ask()[0] for _ in range(turns)], 0.99)
        crowd(stack, folder / "control.sock")
        crowded = percentile([health.ask()[0] for _ in range(turns)], 0.99)
        yield Row(
            f"/healthz with {_STREAMS} streams and {_SLOW} slow clients, p99",
            f"{1000 * crowded:.1f} ms",
            f"without them {1000 * calm:.1f} ms",
            crowded / calm,
            f"at most {1000 * _DELAY:.0f} ms more",
            crowded <= calm + _DELAY,
        )


def crowd(stack: ExitStack, path: Path) -> None:
    """Open the streams, and connections that never finish their head."""
    for number in range(_STREAMS + _SLOW):
        head = f"GET /api/v1/events?follow=1&limit=1 {_HEAD}\r\n" if number < _STREAMS else f"GET / {_HEAD}X: "
        connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        connection.connect(str(path))
        connection.sendall(head.encode())
        if number < _STREAMS and b" 200 " not in connection.recv(64):
            raise RuntimeError("a stream was refused")


class Client:
    """Asks one question again and again, over one connection."""

    def __init__(self, path: Path, target: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")
        self._request = f"GET {target} {_HEAD}\r\n".encode()

    def ask(self) -> tuple[float, int]:
        """Return how long (s) the answer took, and its bytes."""
        begin = time.perf_counter()
        self._socket.sendall(self._request)
        if b" 200 " not in self._file.readline():
            raise RuntimeError("refused")
        length = 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self._file.read(length)
        return time.perf_counter() - begin, length
