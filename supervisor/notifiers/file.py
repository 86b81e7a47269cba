"""Channel `file`: each notification becomes one JSON line at the end of a file.

The line is the message with the delivery's id as its first key. An id that already stands in the file's last
1 MiB is not written again, so a crash between sending and marking doubles nothing. Other writers may append too,
if they lock the file (`flock`) while they do.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from supervisor.domain.delivery import Delivered, Delivery, Failed, Outcome

LOOK_BACK = 1024 * 1024
"""How much of the file's end (bytes) is searched for an id."""

LOCK_PATIENCE = 5.0
"""How long (s) another writer's lock is waited for."""

_KEY = "delivery"  # the first of each line, and so never something that an agent wrote
_LOCK_RECHECK = 0.05
_PERMANENT = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS),
        *(errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG),
    }
)


class Config(BaseModel):
    """Keys of a `file` channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["file"] = "file"
    path: Path = Field(description="The file that the notifications are appended to; made where it is missing.")


class Notifier:
    """Appends to one file, in a thread of its own: a hanging disk holds up this channel only."""

    def __init__(self, config: Config, *, name: str) -> None:
        self._path = config.path
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"channel-{name}")

    async def send(self, delivery: Delivery) -> Outcome:
        """Append `delivery`, durably. Every failure is an outcome."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._send, delivery)

    async def close(self) -> None:
        """Let the thread end."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _send(self, delivery: Delivery) -> Outcome:
        try:
            return self._append(delivery)
        except OSError as error:
            reason = error.strerror or str(error)
            return Failed(f"{self._path}: {reason}", permanent=error.errno in _PERMANENT)

    def _append(self, delivery: Delivery) -> Outcome:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # O_NONBLOCK: a FIFO in its place must not hold us. O_RDWR: the end is read before it is written to.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Failed(f"{self._path} is no regular file", permanent=True)
            with _locked(descriptor) as locked:
                if not locked:
                    return Failed(f"{self._path} is locked by another process")
                return _append(descriptor, delivery)
        finally:
            os.close(descriptor)


@contextmanager
def _locked(descriptor: int) -> Iterator[bool]:
    """Hold the file's lock; False where another holds it for too long. Closing the file lets go of it."""
    patience = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= patience:
                yield False
                return
            time.sleep(_LOCK_RECHECK)
        else:
            yield True
            return


def _append(descriptor: int, delivery: Delivery) -> Outcome:
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, LOOK_BACK, max(0, size - LOOK_BACK))
    if _holds(tail, delivery.id):
        return Delivered()
    line = json.dumps({_KEY: "", **delivery.message} | {_KEY: delivery.id}).encode() + b"\n"
    if tail and not tail.endswith(b"\n"):
        line = b"\n" + line  # somebody was cut off; our line must not become the end of theirs
    written = os.write(descriptor, line)
    if written < len(line):
        if os.fstat(descriptor).st_size == size + written:  # nobody wrote after us without the lock
            os.ftruncate(descriptor, size)
        return Failed("the disk is full")
    os.fsync(descriptor)
    return Delivered()


def _holds(tail: bytes, id_: str) -> bool:
    start = json.dumps({_KEY: id_})[:-1].encode()
    return any(line.startswith(start) and _is_whole(line) for line in tail.split(b"\n"))


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
