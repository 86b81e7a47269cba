"""When the files were written that agents are judged by: looked at beside the heartbeats, and never waited for long.

A disk that hangs under what one agent is to make must not hold up the heartbeats of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from supervisor.domain.records import WatchLost, WatchRestored
from supervisor.ports import Files, Offload
from supervisor.runtime.journal import Journal

PATIENCE = 5.0
"""Longest wait (s) for a look."""


class Lookout:
    """Looks at files. `offload` takes the looking away from the event loop; several may be under way."""

    def __init__(self, files: Files, journal: Journal, offload: Offload) -> None:
        self._files = files
        self._journal = journal
        self._offload = offload
        self._lost: set[str] = set()

    async def newest(self, patterns: Sequence[str]) -> dict[str, float | None]:
        """Return when the newest file that matches each pattern was written (s since the epoch), None for no file.

        Nothing is returned of a pattern that can not be looked at in time: what was known of it stays.
        """
        found: dict[str, float | None] = {}
        try:
            async with asyncio.timeout(PATIENCE):
                for pattern in patterns:
                    found[pattern] = await self._offload(partial(self._files.newest, pattern))
                    self._is_seen(pattern)
        except TimeoutError:
            for pattern in patterns:
                if pattern not in found and pattern not in self._lost:
                    self._lost.add(pattern)
                    why = f"looking at it takes longer than {PATIENCE:g} s"
                    self._journal.note(WatchLost(pattern, why, observed=False))
        return found

    def _is_seen(self, pattern: str) -> None:
        if pattern in self._lost:
            self._lost.remove(pattern)
            self._journal.note(WatchRestored(pattern, "looks"))
