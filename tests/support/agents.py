"""A small agent that tells its lives, and what a test of restarters needs to see of processes.

Run as a program it is the agent: it holds a lock for as long as it, or a child of it, lives. A second copy
beside the first can not have the lock, and says so.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

LIVES = "lives"


def agent(folder: Path, *options: str) -> list[str]:
    """Return the command line of an agent that tells its lives in `folder`."""
    return [sys.executable, "-I", "-S", __file__, str(folder), *options]


def lives(folder: Path) -> list[str]:
    """Return what the agents in `folder` have said: lines of start, overlap, child or term, and a pid."""
    path = folder / LIVES
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def pids(folder: Path, word: str = "start") -> list[int]:
    """Return the pids of those who have said `word`."""
    return [int(line.split()[1]) for line in lives(folder) if line.startswith(f"{word} ")]


def living(pid: int) -> bool:
    """Whether `pid` is a process that is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def children(pid: int | None = None) -> list[int]:
    """Return the pids of the children of `pid`, or of this process; zombies too."""
    tasks = Path(f"/proc/{pid or os.getpid()}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text("ascii").split()]


def descriptors() -> int:
    """Return how many files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count


async def eventually(true: Callable[[], object], what: str, within: float = 10.0) -> None:
    """Wait until `true()`; fail, and say `what` was waited for, after `within` seconds."""
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, f"not within {within} s: {what}"
        await asyncio.sleep(0.01)


def _say(folder: Path, word: str, pid: int | None = None) -> None:
    with (folder / LIVES).open("a", encoding="utf-8") as file:
        file.write(f"{word} {pid or os.getpid()}\n")


def _live() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--child", action="store_true", help="have a child that lives on by itself")
    parser.add_argument("--linger", type=float, default=0.0, help="seconds it takes to end on TERM")
    parser.add_argument("--exit", type=int, help="end at once with this code")
    parser.add_argument("--stderr", default="", help="say this on standard error")
    how = parser.parse_args()

    lock = os.open(how.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say(how.folder, "overlap")

    def on_term(_number: int, _frame: object) -> None:
        _say(how.folder, "term")
        time.sleep(how.linger)
        os._exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if how.ignore_term else on_term)
    if how.child:
        child = os.fork()
        while child == 0:
            signal.pause()
        _say(how.folder, "child", child)
    if how.stderr:
        sys.stderr.write(how.stderr + "\n")
        sys.stderr.flush()
    _say(how.folder, "start")
    if how.exit is not None:
        os._exit(how.exit)
    while True:
        signal.pause()


if __name__ == "__main__":
    _live()
