"""The metrics in a file, for node_exporter's textfile collector: written every few seconds, atomically."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from supervisor.domain.readings import Readings
from supervisor.domain.records import TextfileFailed
from supervisor.runtime.journal import Journal
from supervisor.runtime.plan import TextfilePlan


class Textfile:
    """Writes the file that the plan in force names.

    Args:
        read: returns what there is to be written.
        write: replaces the file, away from the event loop; raises OSError.
    """

    def __init__(
        self,
        plan: TextfilePlan,
        journal: Journal,
        *,
        read: Callable[[], Awaitable[Readings]],
        write: Callable[[Path, Readings], Awaitable[None]],
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._read = read
        self._write = write
        self._changed = asyncio.Event()
        self._failing = False

    def use(self, plan: TextfilePlan) -> None:
        """Put another plan in force."""
        if plan != self._plan:
            self._plan = plan
            self._failing = False
            self._changed.set()

    async def run(self) -> None:
        """Write the file when it is due, for ever."""
        while True:
            self._changed.clear()
            plan = self._plan
            if plan.file is not None:
                await self._replace(plan.file)
            try:
                async with asyncio.timeout(None if plan.file is None else plan.interval):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _replace(self, file: Path) -> None:
        try:
            await self._write(file, await self._read())
        except OSError as error:
            if not self._failing:
                self._journal.note(TextfileFailed(str(file), error.strerror or str(error)))
            self._failing = True
        else:
            self._failing = False
