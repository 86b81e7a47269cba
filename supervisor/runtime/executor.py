"""Restart -> port: each in a task of its own, its outcome told to the agent's mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from supervisor.domain import records
from supervisor.domain.events import RestartFinished
from supervisor.ports import Clock, Restarter, RestartOutcome
from supervisor.runtime.journal import Journal

_AT_ONCE = 32


class Executor:
    """Carries out restarts. Never two at once for one agent: the health machine asks for none while one runs."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self._clock = clock
        self._journal = journal
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
        self,
        agent: str,
        restarter: Restarter,
        attempt: int,
        tell: Callable[[RestartFinished], None],
        *,
        first: bool = False,
    ) -> None:
        """Start restart number `attempt`, or join it where an earlier life began it; `tell` gets the outcome."""
        record = records.AgentStarted if first else records.RestartFinished
        task = asyncio.get_running_loop().create_task(
            self._restart(agent, restarter, attempt, tell, record), name=f"restart:{agent}"
        )
        self._running[agent] = task
        task.add_done_callback(lambda done: self._forget(agent, done))

    def _forget(self, agent: str, done: asyncio.Task[None]) -> None:
        if self._running.get(agent) is done:
            del self._running[agent]

    async def close(self) -> None:
        """Leave what runs: a restart that was begun goes on, and the next life of the supervisor joins it."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _restart(
        self,
        agent: str,
        restarter: Restarter,
        attempt: int,
        tell: Callable[[RestartFinished], None],
        record: type[records.AgentStarted | records.RestartFinished],
    ) -> None:
        begun = self._clock.now()
        async with self._slots:
            try:
                outcome = await restarter.restart(attempt)
            except Exception as error:  # noqa: BLE001 - a restarter from outside may raise anything
                outcome = RestartOutcome(ok=False, detail=f"{type(error).__name__}: {error}")
        self._journal.note(
            record(
                agent,
                attempt,
                outcome.ok,
                self._clock.now() - begun,
                outcome.detail,
                outcome.exit_code,
                list(outcome.stderr) or None,
            )
        )
        tell(RestartFinished(attempt, outcome.ok, outcome.detail, outcome.exit_code, outcome.stderr))
