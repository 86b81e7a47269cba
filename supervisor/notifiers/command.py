"""Channel `command`: each notification runs a program, never a shell.

The message is JSON on its standard input; SUPERVISOR_DELIVERY, SUPERVISOR_INCIDENT, SUPERVISOR_AGENT,
SUPERVISOR_KIND and SUPERVISOR_SUMMARY say the most of it. SUPERVISOR_INCIDENT is what `ack` takes: of a group the ids
of what is open (of what is over, where nothing else is), a space between, and empty where they are more than 100: the
message has them. The program can be run again for the same delivery: SUPERVISOR_DELIVERY tells.

Exit codes: 0 is delivered. 64 to 78 (sysexits.h) apart from 75, and 126 and 127 (a wrapper found nothing to run),
are a refusal for good. 75 (EX_TEMPFAIL), every other code, a signal and a timeout are tried again.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from supervisor.config_types import Duration
from supervisor.domain.delivery import Delivered, Delivery, Failed, Outcome
from supervisor.notifiers._text import SHOWN, shown

TERM_PATIENCE = 1.0
"""How long (s) a program that is over its time has between TERM and KILL."""

KILL_PATIENCE = 1.0
"""How long (s) a killed program's end is waited for."""

_PIPE = 64 * 1024
_VALUE_LIMIT = 1000
_IDS = 100
_EX_TEMPFAIL = 75
_REFUSALS = frozenset(range(64, 79)) - {_EX_TEMPFAIL} | {126, 127}
_PERMANENT = frozenset({errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})
_OURS_ALONE = frozenset(
    {b"NOTIFY_SOCKET", b"WATCHDOG_PID", b"WATCHDOG_USEC", b"LISTEN_FDS", b"LISTEN_FDNAMES", b"LISTEN_PID"}
)


def _argument(text: str) -> str:
    if "\0" in text:
        raise ValueError("an argument cannot hold NUL")
    return text


def _argv(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv[0]:
        raise ValueError("the program's name is empty")
    return argv


class Config(BaseModel):
    """Keys of a `command` channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["command"] = "command"
    command: Annotated[
        tuple[Annotated[str, AfterValidator(_argument)], ...], Field(min_length=1), AfterValidator(_argv)
    ] = Field(description="The program and its arguments; no shell reads them.")
    timeout: Annotated[Duration, Field(gt=0)] = Field(default=8.0, description="Longest time a run may take.")


class Notifier:
    """Runs one program per notification, in a session of its own, which ends with it where it is over its time."""

    takes_groups = True

    def __init__(self, config: Config, *, name: str) -> None:  # noqa: ARG002 - every channel is made alike
        self._command = config.command
        self.timeout = config.timeout

    async def send(self, delivery: Delivery) -> Outcome:
        """Run the program for `delivery`. Every failure is an outcome."""
        try:
            with _input(delivery) as stdin, _Tail() as stderr:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=stdin,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=stderr.writer,
                    env=_environment(delivery),
                    start_new_session=True,
                )
                stderr.follow()
                code = await self._finished(process)
                return _outcome(code, stderr.text(), self.timeout)
        except OSError as error:
            return Failed(f"{self._command[0]}: {error.strerror or error}", permanent=error.errno in _PERMANENT)

    async def close(self) -> None:
        """Nothing is kept between two runs."""

    async def _finished(self, process: asyncio.subprocess.Process) -> int | None:
        """Return the exit code; None for a program that was over its time and has been ended."""
        try:
            async with asyncio.timeout(self.timeout):
                return await process.wait()
        except TimeoutError:
            await _end(process, TERM_PATIENCE)
            return None
        except asyncio.CancelledError:
            await _end(process, 0.0)
            raise


async def _end(process: asyncio.subprocess.Process, patience: float) -> None:
    """End the program and all that it started: TERM, `patience` seconds, KILL."""
    try:
        if patience:
            _signal(process, signal.SIGTERM)
            await _wait(process, patience)
    finally:
        _signal(process, signal.SIGKILL)
        await _wait(process, KILL_PATIENCE)


async def _wait(process: asyncio.subprocess.Process, patience: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all gone, or become another user's
        os.killpg(process.pid, number)


def _outcome(code: int | None, stderr: str, timeout: float) -> Outcome:
    if code == 0:
        return Delivered()
    if code is None:
        what = f"no end within {timeout:g} s"
    elif code < 0:
        what = f"ended by signal {-code}"
    else:
        what = f"exit code {code}"
    return Failed(f"{what}: {stderr}" if stderr else what, permanent=code in _REFUSALS)


def _environment(delivery: Delivery) -> dict[bytes, bytes]:
    """Return our own environment, apart from what systemd means for us alone, and what the notification is about."""
    facts: dict[str, Any] = {
        "DELIVERY": delivery.id,
        "INCIDENT": _incidents(delivery),
        "AGENT": delivery.message.get("agent", ""),
        "KIND": delivery.kind.value,
        "SUMMARY": delivery.message.get("summary", ""),
    }
    inherited = {key: value for key, value in os.environb.items() if key not in _OURS_ALONE}
    return inherited | {f"SUPERVISOR_{key}".encode(): _value(fact) for key, fact in facts.items()}


def _incidents(delivery: Delivery) -> str:
    """Return the incident, or a group's where they are few."""
    ids = delivery.message.get("incident_ids") or delivery.message.get("resolved_ids")
    if ids is None:
        return delivery.incident
    return " ".join(ids) if len(ids) <= _IDS else ""


def _value(fact: Any) -> bytes:
    return str(fact)[:_VALUE_LIMIT].replace("\0", " ").encode("utf-8", "replace")


@contextmanager
def _input(delivery: Delivery) -> Iterator[int]:
    """Give the message as a file in memory: a program that does not read it blocks nobody."""
    descriptor = os.memfd_create("notification")
    try:
        os.write(descriptor, json.dumps(delivery.message).encode() + b"\n")
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


class _Tail:
    """The end of what a program writes to its standard error, read as it comes, so that it never meets a full pipe.

    A pipe of our own: asyncio's would be waited for as long as anything that the program left behind holds it.
    """

    def __enter__(self) -> Self:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._kept = b""
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._reader)
        os.close(self._reader)
        self._close_writer()

    def follow(self) -> None:
        """Read from now on; the program has its own end of the pipe."""
        self._close_writer()
        asyncio.get_running_loop().add_reader(self._reader, self._take)

    def text(self) -> str:
        """Return the end of what has come."""
        self._take()
        return shown(self._kept)

    def _take(self) -> None:
        try:
            piece = os.read(self._reader, _PIPE)
        except BlockingIOError:  # something that the program left behind holds the pipe, and is silent
            return
        self._kept = (self._kept + piece)[-SHOWN:]
        if not piece:
            asyncio.get_running_loop().remove_reader(self._reader)

    def _close_writer(self) -> None:
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1
