"""When the files were written that agents are judged by: looked at beside the heartbeats, and never waited for long.

A disk that hangs under what one agent is to make must not hold up the heartbeats of the others. Nobody looks but where
it can change what becomes of an agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from supervisor.domain.events import BeatKind, CheckAsked, DeadlineReached, HealthEvent, HeartbeatSeen, Released
from supervisor.domain.health import Health
from supervisor.domain.policy import Policy
from supervisor.domain.records import WatchLost, WatchRestored
from supervisor.ports import Files, Offload
from supervisor.runtime.journal import Journal

_ENDS_OF_RUNS = frozenset({BeatKind.OK, BeatKind.STOP})

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


def calls_for_files(health: Health, event: HealthEvent, now: float, policy: Policy) -> bool:
    """Whether the agent's files are looked at before `event` is judged: those that it is to make, or works on."""
    known = health.postcondition
    match event:
        case HeartbeatSeen(beat, earlier):
            missed = known.to_be_seen and any(one.kind in _ENDS_OF_RUNS for one in (*earlier, beat))
        case CheckAsked():
            missed = bool(known.outcomes)
        case DeadlineReached():
            missed = known.nudged or (known.due is not None and known.due <= now)
        case _:
            missed = False
    return missed or _may_restart(health, event, now, policy)


def _may_restart(health: Health, event: HealthEvent, now: float, policy: Policy) -> bool:
    """Whether `event` can begin a restart that what the agent writes would put off."""
    if not policy.activity or health.restarting:
        return False
    match event:
        case DeadlineReached():
            return any(at is not None and at <= now for at in (health.due, health.restart_at))
        case HeartbeatSeen(beat):
            return beat.kind is BeatKind.FAIL
        case _:
            return isinstance(event, CheckAsked | Released)
