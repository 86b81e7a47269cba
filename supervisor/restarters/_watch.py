"""The end of a process, seen at once: by the kernel's word, without a thread or a signal handler."""

from __future__ import annotations

import asyncio
import os

from supervisor.restarters._processes import Process, hold, look

_RECHECK = 0.5


class Watch:
    """Waits for the end of one process, our child or not, and reaps it where it is our child.

    `ended` gives the exit code, negative for a signal; None where the kernel tells it to somebody else. A watch
    has no owner to close it: it lets go of its descriptor when the process ends.
    Without pidfds (before Linux 5.3, or in a sandbox that forbids them) it looks twice a second.
    """

    def __init__(self, process: Process, *, child: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._child = child
        self._fd: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[int | None] = self._loop.create_future()
        try:
            # A child keeps its pid until it is reaped: dead or alive, it is the one.
            self._fd = os.pidfd_open(process.pid) if child else hold(process)
        except ProcessLookupError:
            self._finish()
            return
        except OSError:
            self._fd = None
        if self._fd is None:
            self._recheck()
        else:
            self._loop.add_reader(self._fd, self._finish)

    def _dead(self) -> bool:
        return look(self._process.pid) != self._process

    def _recheck(self) -> None:
        if self._dead():
            self._finish()
        else:
            self._timer = self._loop.call_later(_RECHECK, self._recheck)

    def _finish(self) -> None:
        self._release()
        code = None
        if self._child:
            try:
                pid, status = os.waitpid(self._process.pid, os.WNOHANG)
                code = os.waitstatus_to_exitcode(status) if pid else None
            except ChildProcessError:  # somebody who waits for all children was faster
                code = None
        if not self.ended.done():
            self.ended.set_result(code)

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None
