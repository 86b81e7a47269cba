"""Restart -> port: each in a task of its own, its outcome told to the agent's mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from supervisor.domain.events import RestartFinished
from supervisor.ports import Restarter, RestartOutcome

_AT_ONCE = 32


class Executor:
    """Carries out restarts. Never two at once for one agent: the health machine asks for none while one runs."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def idle(self) -> bool:
        """Whether no restart is under way."""
        return not self._running

    def running(self, agent: str) -> bool:
        """Whether a restart of `agent` is under way."""
        return agent in self._running

    def start(
        self, agent: str, restarter: Restarter, attempt: int, effect: int, tell: Callable[[RestartFinished], None]
    ) -> None:
        """Start restart number `attempt`, or join it where an earlier life began this `effect`.

        `tell` gets the outcome.
        """
        task = asyncio.get_running_loop().create_task(
            self._restart(agent, restarter, attempt, effect, tell), name=f"restart:{agent}"
        )
        self._running[agent] = task

    async def leave(self, agent: str) -> None:
        """Wait no longer for the restart of `agent`, if one is under way: it goes on, and can be joined again."""
        task = self._running.pop(agent, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """Leave what runs: a restart that was begun goes on, and the next life of the supervisor joins it."""
        for agent in list(self._running):
            await self.leave(agent)

    async def _restart(
        self, agent: str, restarter: Restarter, attempt: int, effect: int, tell: Callable[[RestartFinished], None]
    ) -> None:
        async with self._slots:
            try:
                outcome = await restarter.restart(effect)
            except Exception as error:  # noqa: BLE001 - a restarter from outside may raise anything
                outcome = RestartOutcome(ok=False, detail=f"{type(error).__name__}: {error}")
        self._running.pop(agent, None)
        tell(RestartFinished(attempt, outcome.ok, outcome.detail, outcome.exit_code, outcome.stderr))
