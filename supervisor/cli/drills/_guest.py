"""One agent that a rehearsal plays itself, under whatever daemon: what it writes, and what the daemon says of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from supervisor.cli._client import Daemon
from supervisor.cli._errors import NoDaemonError, ProblemError
from supervisor.cli._times import moment
from supervisor.cli.drills._step import MissingError
from supervisor.client import Heartbeat

T = TypeVar("T")

LIMIT = 15.0
"""Longest wait (s) for what is expected."""

_LOOK_EVERY = 0.05
_ROWS = 1000


class Guest:
    """The agent `name`, whose files lie in `folder`. Whatever is waited for in vain raises MissingError.

    Args:
        timeout, interval: what it has promised (s): its longest silence, and that between one miss and the next.
    """

    def __init__(self, daemon: Daemon, folder: Path, name: str, timeout: float, interval: float) -> None:
        self.name = name
        self.timeout = timeout
        self.interval = interval
        self.heart = Heartbeat(name, folder)
        self.document = folder / f"{name}.json"
        self.lines = folder / f"{name}.log"
        self._daemon = daemon

    async def records(self, event: str, *, after: float = 0.0, **fields: Any) -> list[dict[str, Any]]:
        """Return the records of `event` about it with these fields, written after a moment (s since the epoch)."""
        rows = await asked(lambda: self._daemon.history(_ROWS, agent=self.name))
        return [
            row
            for row in rows
            if row["event"] == event
            and all(row.get(key) == value for key, value in fields.items())
            and moment(row["timestamp"]) > after
        ]

    async def logged(self, event: str, *, after: float = 0.0, **fields: Any) -> dict[str, Any]:
        """Wait for a record, and return it."""
        until = time.monotonic() + LIMIT
        while not (found := await self.records(event, after=after, **fields)):
            if time.monotonic() > until:
                said = " ".join([event, *(f"{key}={value}" for key, value in fields.items())])
                raise MissingError(f"the journal says {said}", f"not within {LIMIT:g} s")
            await asyncio.sleep(_LOOK_EVERY)
        return found[0]

    async def seen(self) -> dict[str, Any]:
        """Return what the daemon shows of it."""
        agent: dict[str, Any] = await asked(lambda: self._daemon.ask("GET", "agents", self.name))
        return agent


async def asked(ask: Callable[[], T]) -> T:
    """Return what the daemon answers to `ask`."""
    try:
        return await asyncio.to_thread(ask)
    except (NoDaemonError, ProblemError) as error:
        raise MissingError("the daemon answers", str(error)) from None
