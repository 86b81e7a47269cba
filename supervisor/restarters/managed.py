"""Runs the agent itself, as a child in a session of its own, and sees its death at once.

The agent's output goes straight to files (`output.log`, `stderr.log`) that are opened for appending. There is no pipe
that could fill up, and nobody who must read: a crash of the supervisor costs the agent nothing. The next life of the
supervisor adopts it, by pid and start time, and sees its death just as soon; only the exit code is then unknown.
The planned end of the supervisor ends the agent too: TERM, `stop_timeout`, KILL to the whole session, proved gone.

A file over `output_limit` is copied to `.1` and cut to nothing; it is looked at once a minute.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from supervisor.ports import Exit, RestartOutcome
from supervisor.restarters import _runs
from supervisor.restarters._config import Argv, Launched
from supervisor.restarters._launch import LINE_LIMIT, LINES, Tail, how_it_ended
from supervisor.restarters._runner import Job, Runner

_LOOK_EVERY = 60.0
_STOP = -2
"""The attempt that a planned end counts as."""


class Config(Launched):
    """The keys of `kind = "managed"`. `timeout` is that of the hooks: the agent has none."""

    kind: Literal["managed"] = "managed"
    command: Argv = Field(description="The agent itself, and its arguments; it stays in the foreground.")
    output_limit: int = Field(
        default=10 * 1024 * 1024, ge=65536, description="Bytes kept of each output, twice at most."
    )


class Restarter:
    """Implements `ports.Keeper`."""

    def __init__(self, config: Config, *, agent: str, data: Path) -> None:  # noqa: ARG002 - the same for every kind
        self._runner = Runner(data)
        self._job = Job.of(config, config.command, output=True)
        self._limit = config.output_limit
        self._kept: _runs.Claim | None = None
        self._reported = 0
        self._ends: asyncio.Queue[tuple[_runs.Claim, int | None]] = asyncio.Queue()

    async def restart(self, attempt: int) -> RestartOutcome:
        """End the old copy and start a new one, once for each `attempt`; good once the program was executed."""
        before, self._kept = self._kept, None  # whatever ends from here on was asked to
        done = await self._runner.run(attempt, self._job)
        if done.outcome.ok and done.claim:
            self._keep(done.claim)
        elif before and not self._runner.watch(before).ended.done():
            self._keep(before)
        return done.outcome

    async def adopt(self) -> bool:
        """Take over the copy that an earlier life of the supervisor started; False where none runs."""
        claim = await self._runner.last(self._job)
        if claim:
            self._keep(claim)
        return claim is not None

    async def exits(self) -> AsyncIterator[Exit]:
        """Yield each end of the agent that was not asked for, at once, with its last words."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    claim, code = await self._ends.get()
            except TimeoutError:
                await asyncio.to_thread(self._rotate)
                continue
            yield await asyncio.to_thread(self._bury, claim, code)

    async def close(self) -> None:
        """End the agent and all of its session."""
        self._kept = None
        if self._runner.folder.exists():
            await self._runner.run(_STOP, replace(self._job, command=(), pre_restart=(), output=False))

    def _keep(self, claim: _runs.Claim) -> None:
        if claim.number > self._reported:
            self._kept = claim
            self._runner.watch(claim).ended.add_done_callback(partial(self._ended, claim))

    def _ended(self, claim: _runs.Claim, code: asyncio.Future[int | None]) -> None:
        if self._kept == claim:
            self._kept, self._reported = None, claim.number
            self._ends.put_nowait((claim, code.result()))

    def _bury(self, claim: _runs.Claim, code: int | None) -> Exit:
        folder = self._runner.folder
        with suppress(OSError):  # a full disk: the exit is told all the same
            _runs.settle(folder, claim, {**(_runs.result(folder, claim.number) or {}), "exit_code": code})
        tail = Tail()
        with suppress(FileNotFoundError), (folder / "stderr.log").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - LINES * LINE_LIMIT))
            tail.feed(file.read())
        return Exit(code, "\n".join(["ended" if code is None else how_it_ended(code), *tail.lines()]))

    def _rotate(self) -> None:
        for name in ("output.log", "stderr.log"):
            path = self._runner.folder / name
            with suppress(FileNotFoundError), path.open("r+b") as file:
                size = file.seek(0, 2)
                if size <= self._limit:
                    continue
                file.seek(size - self._limit)
                with suppress(OSError), path.with_suffix(".log.1").open("wb") as older:  # a full disk: cut all the more
                    shutil.copyfileobj(file, older)
                file.truncate(0)
