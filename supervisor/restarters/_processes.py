"""Processes as /proc tells of them: who is who, who belongs to a session, and how they are ended.

The launcher runs this too: it blocks, uses the standard library only, and is cheap to import.
A pid alone is never trusted: it may be another's by now. A process is its pid and its start time.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

KILL_PATIENCE = 5.0
"""How long (s) a killed process may take to vanish."""
_RECHECK = 0.05
_DEAD = (b"Z", b"X", b"x")


class Process(NamedTuple):
    """One living process. `start` is in clock ticks since the machine's start."""

    pid: int
    start: int


class Pipe:
    """Something to be read while one waits for processes, lest they block on a full pipe."""

    def __init__(self, fd: int, read: Callable[[], object]) -> None:
        self.fd = fd
        self.read = read


def boot_id() -> str:
    """Return what tells this run of the machine from every other one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def look(pid: int) -> Process | None:
    """Return the process that has `pid` now; None where it is dead, reaped or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name before it may hold anything
    state, threads, start = fields[0], int(fields[17]), int(fields[19])
    if state in _DEAD and threads <= 1:  # a dead first thread with living ones is a living process
        return None
    return Process(pid, start)


def members(session: int) -> list[Process]:
    """Return the living processes of `session`."""
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names are enough
        if not entry.isdigit():
            continue
        try:
            belongs = os.getsid(int(entry)) == session
        except ProcessLookupError:
            continue
        if belongs and (process := look(int(entry))):
            found.append(process)
    return found


def hold(process: Process) -> int | None:
    """Return a descriptor that stands for `process` even when its pid is another's; None where the kernel has none.

    Raises ProcessLookupError where the process is gone.
    """
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        raise
    except OSError:  # older than Linux 5.3, forbidden by a sandbox, or no descriptor left
        return None
    if look(process.pid) != process:
        os.close(fd)
        raise ProcessLookupError(process.pid)
    return fd


def send(process: Process, number: int) -> None:
    """Send a signal to `process` and to none other. What is gone or not ours to signal is no error here."""
    try:
        fd = hold(process)
        if fd is None:
            if look(process.pid) == process:
                os.kill(process.pid, number)
            return
        try:
            signal.pidfd_send_signal(fd, number)
        finally:
            os.close(fd)
    except (ProcessLookupError, PermissionError):
        return


def wait(processes: Iterable[Process], until: float, pipe: Pipe | None = None) -> bool:
    """Wait until all of `processes` are dead, or until the monotonic time `until`; return whether they are."""
    poll = select.poll()
    held: dict[int, Process] = {}
    unheld: list[Process] = []
    if pipe:
        poll.register(pipe.fd, select.POLLIN)
    try:
        for process in processes:
            try:
                fd = hold(process)
            except ProcessLookupError:
                continue
            if fd is None:
                unheld.append(process)
            else:
                held[fd] = process
                poll.register(fd, select.POLLIN)
        while held or unheld:
            left = until - time.monotonic()
            if left <= 0:
                return False
            for fd, _ in poll.poll(1000 * (min(left, _RECHECK) if unheld else left)):
                if pipe and fd == pipe.fd:
                    pipe.read()
                else:
                    poll.unregister(fd)
                    del held[fd]
                    os.close(fd)
            unheld = [process for process in unheld if look(process.pid) == process]
        return True
    finally:
        for fd in held:
            os.close(fd)


def end(find: Callable[[], list[Process]], patience: float, pipe: Pipe | None = None) -> list[Process]:
    """End all that `find` returns, new ones too: TERM, `patience` seconds, KILL. Return who is still alive."""
    for numbers, limit in (((signal.SIGTERM, signal.SIGCONT), patience), ((signal.SIGKILL,), KILL_PATIENCE)):
        until = time.monotonic() + limit
        while alive := find():
            for process in alive:
                for number in numbers:  # a stopped process hears TERM only once it goes on
                    send(process, number)
            if not wait(alive, until, pipe):
                break
        else:
            return []
    return find()
