"""The supervisor's side of a run: start the launcher, wait for its gate to close, read what is written."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from supervisor.ports import RestartOutcome
from supervisor.restarters import _launch, _runs
from supervisor.restarters._config import Launched
from supervisor.restarters._processes import KILL_PATIENCE, Process, look
from supervisor.restarters._watch import Watch

_LAUNCH_PATIENCE = 30.0
"""How long (s) the launcher's own work may take, above what its commands may."""
_TRIES = 3
_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Job:
    """What the launcher is to do. `output`: become the agent, with its output in the folder. Times in s."""

    command: tuple[str, ...]
    timeout: float
    stop_timeout: float
    pre_restart: tuple[tuple[str, ...], ...] = ()
    working_directory: str | None = None
    report: tuple[str, ...] = ()
    output: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, config: Launched, command: tuple[str, ...], *, report: tuple[str, ...] = (), output: bool = False
    ) -> Job:
        """Return the job of running `command` as `config` says."""
        folder = config.working_directory
        return cls(
            command=command,
            timeout=config.timeout,
            stop_timeout=config.stop_timeout,
            pre_restart=config.pre_restart,
            working_directory=None if folder is None else str(folder.expanduser()),
            report=report,
            output=output,
            environment=config.environment,
        )

    @property
    def longest(self) -> float:
        """How long (s) it may take in all."""
        ending = self.stop_timeout + KILL_PATIENCE
        return (len(self.pre_restart) + 2) * (self.timeout + ending) + ending + _LAUNCH_PATIENCE


@dataclass(frozen=True, slots=True)
class Done:
    """How a run ended, whose it was, and what its result says beside."""

    outcome: RestartOutcome
    claim: _runs.Claim | None = None
    report: tuple[str, ...] = ()


class Runner:
    """Does the runs of one agent, each once, whichever life of the supervisor asks for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._watches: dict[int, Watch] = {}

    async def run(self, attempt: int, job: Job) -> Done:
        """Do the run of `attempt`, or wait for the end of the one that is done already. Never raises."""
        try:
            async with asyncio.timeout(job.longest):
                return await self._run(attempt, job)
        except TimeoutError:
            return Done(RestartOutcome(ok=False, detail=f"the launcher has not ended after {job.longest:g} s"))
        except OSError as error:
            return Done(RestartOutcome(ok=False, detail=f"{error.filename or self.folder}: {error.strerror}"))

    async def last(self, job: Job) -> _runs.Claim | None:
        """Return the run whose process is the agent now, once nobody works on the newest run any more."""
        try:
            if known := await asyncio.to_thread(_runs.claims, self.folder):
                with suppress(TimeoutError):
                    async with asyncio.timeout(job.longest):
                        await self._done(_runs.gate_of(known[-1]))
            return await asyncio.to_thread(_runs.running, self.folder)
        except OSError:  # a folder that can not be read: the restart that follows says so
            return None

    def watch(self, claim: _runs.Claim) -> Watch:
        """Return the watch over the process of `claim`."""
        if claim.pid not in self._watches:
            self._watches[claim.pid] = Watch(Process(claim.pid, claim.start), child=False)
        return self._watches[claim.pid]

    async def _run(self, attempt: int, job: Job) -> Done:
        words = ""
        for _ in range(_TRIES):  # a late launcher of an earlier life may take the number for another attempt
            newest = await asyncio.to_thread(self._newest)
            if newest.attempt == attempt:
                words = await self._done(_runs.gate_of(newest)) or words
                return await asyncio.to_thread(self._read, newest, words)
            words = await self._done(self._spawn(newest.number + 1, attempt, job))
            if await asyncio.to_thread(self._newest) == newest:
                break
        return Done(RestartOutcome(ok=False, detail=f"the launcher could not do its work: {words}"))

    def _newest(self) -> _runs.Claim:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = _runs.claims(self.folder)
        return known[-1] if known else _runs.Claim(0, _runs.NOBODY, 0, 0, "", "")

    def _spawn(self, number: int, attempt: int, job: Job) -> str:
        """Start a launcher; return the name of its gate."""
        self._watches = {pid: watch for pid, watch in self._watches.items() if not watch.ended.done()}
        gate_id = os.urandom(4).hex()
        name = f"run-{number}.{gate_id}.gate"
        what: dict[str, Any] = {**asdict(job), "number": number, "attempt": attempt, "gate": gate_id}
        what["folder"] = str(self.folder.absolute())
        environment = {**os.environ, **what.pop("environment")}
        os.mkfifo(self.folder / name, 0o600)
        gate = os.open(self.folder / name, os.O_RDWR)  # held from before the start: no moment looks like the end
        try:
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", _launch.__file__, json.dumps(what)],
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_DUP2, gate, 2),
                ],
                setsid=True,
                setsigmask=(),
            )
        finally:
            os.close(gate)
        self._watches[pid] = Watch(look(pid) or Process(pid, 0), child=True)
        return name

    async def _done(self, name: str) -> str:
        """Wait until nobody holds the gate of this name; return the last words of who did."""
        try:
            gate = os.open(self.folder / name, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return ""
        loop = asyncio.get_running_loop()
        words = b""
        try:
            while True:
                try:
                    data = os.read(gate, _WORDS)
                except BlockingIOError:
                    readable = loop.create_future()
                    loop.add_reader(gate, readable.set_result, None)
                    try:
                        await readable
                    finally:
                        loop.remove_reader(gate)
                    continue
                if not data:
                    return words.decode("utf-8", "replace").strip()
                words = (words + data)[-_WORDS:]
        finally:
            os.close(gate)

    def _read(self, claim: _runs.Claim, words: str) -> Done:
        found = _runs.result(self.folder, claim.number) or _runs.spoken(words)
        if found is not None:
            outcome = RestartOutcome(
                ok=found["ok"], detail=found["detail"], exit_code=found["exit_code"], stderr=tuple(found["stderr"])
            )
            return Done(outcome, claim, tuple(found.get("report", ())))
        why = (
            "the machine was started anew" if claim.boot != _runs.this_boot() else "its launcher ended without a result"
        )
        return Done(RestartOutcome(ok=False, detail=f"broken off: {why}", stderr=tuple(words.splitlines())), claim)
