"""Heartbeats for an agent: the standard library only, and never the agent's death.

    from supervisor.client import Heartbeat

    with Heartbeat("payment-watcher") as heart:      # says start; stop or fail when the block is left
        for number, file in enumerate(files):
            heart.progress(number, file.name)        # a beat, with what has been done so far
            work(file)

Beat from the loop that does the work. A thread that beats by itself would go on after the work hangs,
and that is exactly what a heartbeat is to tell. In asyncio use `async with` and `await heart.abeat()`.

Every verb writes `<directory>/NAME.json` whole, by rename; `log` appends to `NAME.log`. A full disk or a
missing permission is returned as the OSError it is, and logged once, never raised. There is no fsync: after a
power failure the next beat is what counts.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

Kind = Literal["start", "ok", "fail", "stop"]
Phase = Literal["idle", "working", "critical"]

MESSAGE_LIMIT = 2000
"""Characters of a message that are kept: the supervisor reads no beat over 64 KiB."""

LOG_LIMIT = 1024 * 1024
"""Bytes of `NAME.log` after which it is begun anew; the one before is kept as `.NAME.log.old`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DAY = 86400.0
_PLANNED = (KeyboardInterrupt, GeneratorExit)
_logger = logging.getLogger(__name__)


def default_directory() -> Path:
    """Return where the supervisor looks for heartbeats when nothing else is configured."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "novotechno-collections", "heartbeats")


class Heartbeat:
    """The heartbeat of one agent, for as long as its process lives. Threads may share it.

    A forked child that uses it beats for the same life; leaving the `with` block there says nothing,
    because the agent's own process still runs.

    Args:
        name: the agent's, as the supervisor knows it.
        directory: the heartbeats folder; made where it is missing.

    Attributes:
        pending: how much work waits; sent with every beat once it is set.
        incarnation: tells this life from the ones before; None where single beats are no life of their own.
        failure: why the last write did not work, None where it did.
    """

    def __init__(self, name: str, directory: str | os.PathLike[str] | None = None) -> None:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name[:80]!r} cannot name an agent")
        self.name = name
        self.directory = default_directory() if directory is None else Path(directory)
        self.incarnation: str | None = os.urandom(8).hex()
        self.pending: int | None = None
        self.failure: OSError | None = None
        self._phase: Phase | None = None
        self._progress: dict[str, Any] | None = None
        self._usage: dict[str, Any] | None = None
        self._busy_until = 0.0
        self._seq = 0
        self._pid = self._entered = os.getpid()
        self._lock = threading.RLock()  # re-entrant: a signal handler may beat in the middle of a beat

    @property
    def phase(self) -> Phase | None:
        """What the agent is doing; in the "critical" one a restart waits, 5 minutes at most."""
        return self._phase

    @phase.setter
    def phase(self, phase: Phase | None) -> None:
        if phase not in {"idle", "working", "critical", None}:
            raise ValueError(f"phase is 'idle', 'working' or 'critical', not {phase!r}")
        self._phase = phase

    # --- verbs: each writes at once, and returns why it could not ----------------------------------------

    def beat(self, message: str | None = None, *, kind: Kind = "ok", **keys: Any) -> OSError | None:
        """Say that the agent lives. `keys` go with this beat only; what JSON has no form for is sent as its text.

        Raises ValueError for a number that is not finite, and for a kind that is no beat.
        """
        if kind not in {"start", "ok", "fail", "stop"}:
            raise ValueError(f"kind is 'start', 'ok', 'fail' or 'stop', not {kind!r}")
        with self._ready():
            self._seq += 1
            document = self._document(kind, message) | keys
            return self._written(self._replace, _encoded(document))

    async def abeat(self, message: str | None = None, *, kind: Kind = "ok", **keys: Any) -> OSError | None:
        """Beat without holding up the event loop."""
        import asyncio  # noqa: PLC0415 - costs a synchronous agent 30 ms

        return await asyncio.to_thread(self.beat, message, kind=kind, **keys)

    def start(self) -> OSError | None:
        """Say that a new life begins."""
        return self.beat(kind="start")

    def ok(self, message: str | None = None) -> OSError | None:
        """Say that all is well."""
        return self.beat(message)

    def fail(self, message: str) -> OSError | None:
        """Say that the work has failed: a miss at once."""
        return self.beat(message, kind="fail")

    def stop(self, message: str | None = None) -> OSError | None:
        """Say that the end is planned: no beat is awaited until the next one."""
        return self.beat(message, kind="stop")

    def progress(self, seq: int, note: str | None = None) -> OSError | None:
        """Beat, with how far the work has come; a `seq` that stands still while work is pending is a stall."""
        self._progress = {"seq": seq, "note": note}
        return self.beat()

    def busy(self, seconds: float) -> OSError | None:
        """Beat, and announce `seconds` without one (30 minutes count, unless the supervisor is told otherwise).

        0 takes it back.
        """
        self._busy_until = time.time() + min(seconds, _DAY)
        return self.beat()

    def usage(self, tokens: float | None = None, cost: Decimal | str | None = None) -> OSError | None:
        """Beat, with what this life has used so far: totals, not what was added."""
        self._usage = {"tokens": tokens, "cost": None if cost is None else str(cost)}
        return self.beat()

    def log(self, message: str, **keys: Any) -> OSError | None:
        """Leave a line in `NAME.log` for the supervisor's record. It is no beat."""
        with self._ready():
            return self._written(self._append, _encoded(self._document("log", message) | keys))

    # --- a life ------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._entered = os.getpid()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(error, _PLANNED)

    async def __aenter__(self) -> Self:
        self._entered = os.getpid()
        await self.abeat(kind="start")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio  # noqa: PLC0415 - as above

        planned = (*_PLANNED, asyncio.CancelledError)  # what Ctrl-C and SIGTERM look like in asyncio
        await asyncio.shield(asyncio.to_thread(self._leave, error, planned))

    def _leave(self, error: BaseException | None, planned: tuple[type[BaseException], ...]) -> None:
        if os.getpid() != self._entered:
            return
        if error is None or isinstance(error, planned) or (isinstance(error, SystemExit) and not error.code):
            self.stop()
        else:
            self.fail("".join(traceback.format_exception_only(error)).strip())

    # --- writing -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _ready(self) -> Iterator[None]:
        if os.getpid() != self._pid:  # forked: the lock may have been taken along by a thread that is not here
            self._lock = threading.RLock()
            self._pid = os.getpid()
        with self._lock:
            yield

    def _document(self, kind: str, message: str | None) -> dict[str, Any]:
        now = time.time()
        keys = {
            "timestamp": _text(now),
            "kind": kind,
            "incarnation": self.incarnation,
            "seq": self._seq,
            "pid": self._pid,
            "phase": self._phase,
            "progress": self._progress,
            "pending": self.pending,
            "busy_until": _text(self._busy_until) if self._busy_until > now else None,
            "usage": self._usage,
            "message": None if message is None else message[:MESSAGE_LIMIT],
        }
        return {key: value for key, value in keys.items() if value is not None}

    def _written(self, write: Callable[[bytes], None], data: bytes) -> OSError | None:
        try:
            try:
                write(data)
            except FileNotFoundError:
                self.directory.mkdir(parents=True, exist_ok=True)
                write(data)
        except OSError as error:
            if self.failure is None:
                _logger.warning("no heartbeat of %s can be written: %s", self.name, error)
            self.failure = error
        else:
            self.failure = None
        return self.failure

    def _replace(self, data: bytes) -> None:
        temporary = self.directory / f".{self.name}.{self._pid}.{self.incarnation}.{self._seq}.tmp"
        try:
            _write(temporary, os.O_CREAT | os.O_EXCL, data)
            temporary.replace(self.directory / f"{self.name}.json")
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _append(self, data: bytes) -> None:
        path = self.directory / f"{self.name}.log"
        _write(path, os.O_CREAT | os.O_APPEND, data)
        if path.stat().st_size > LOG_LIMIT:
            path.replace(self.directory / f".{self.name}.log.old")


def _write(path: Path, flags: int, data: bytes) -> None:
    """Write `data` in one call, so that no other writer's line falls into it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o666)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)


def _encoded(document: dict[str, Any]) -> bytes:
    # "replace": half a surrogate pair, as in an odd file name, is no UTF-8 and would cost the whole beat.
    return json.dumps(document, allow_nan=False, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
