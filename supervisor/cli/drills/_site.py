"""One throwaway installation: a folder, a real daemon in it, its log, its API and its files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisor.cli._client import Daemon
from supervisor.cli._times import moment
from supervisor.cli.drills._guest import LIMIT, Guest, asked
from supervisor.cli.drills._step import MissingError
from supervisor.client import Heartbeat
from supervisor.domain.drills import PROMISES
from supervisor.restarters._processes import Process, end, look, send

_ROWS = 10_000
_LOOK_EVERY = 0.02
_PATIENCE = 5.0
_STOP_LIMIT = 20.0
_SERVICE = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What systemd tells a service: it is not meant for ours."""

SOCKET = "control.sock"
"""The name of the daemon's socket in the folder: the kernel allows no long path."""

_MARK = "COLLECTIONS_SUPERVISOR_DRILL"
"""The variable by which all is known that a site's daemon starts, and what that starts: it is handed on."""

_CONFIG = f"""\
[paths]
cache = "cache"
state = "state"
data = "data"
socket = "{SOCKET}"

[log]
level = "debug"
"""


class Site:
    """The installation in `folder`. Whatever is waited for in vain raises MissingError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.beats = folder / "cache" / "heartbeats"
        self.config = folder / "config.toml"
        self.state = folder / "state"
        self.data = folder / "data"
        options = ["--config", str(self.config), "--log-format", "json"]
        self.daemon = [sys.executable, "-P", "-m", "supervisor", "run", *options]
        """What `start` runs; a rehearsal may want it run in other surroundings."""
        self._mark = os.urandom(16).hex()
        self._api = Daemon(folder / SOCKET, _PATIENCE)
        self._log = folder / "log"
        self._process: asyncio.subprocess.Process | None = None
        self._records: list[dict[str, Any]] = []
        self._offset = 0

    # --- building ---

    def configure(self, text: str) -> None:
        """Write the configuration: `text`, and where everything lies."""
        self.beats.mkdir(parents=True, exist_ok=True)
        self.config.write_text(f"{_CONFIG}\n{text}", encoding="utf-8")

    def managed(self, name: str, *lives: str) -> str:
        """Return the keys that have the daemon run a real agent, which hangs as `lives` say (see `_agent`)."""
        command = [sys.executable, "-P", "-m", "supervisor.cli.drills._agent", name, str(self.beats), *lives]
        return (
            f'kind = "managed"\ncommand = {json.dumps(command)}\nbackoff = "500ms"\njitter = 0.0\nstop_timeout = "1s"'
        )

    def counted(self) -> str:
        """Return the keys that have each restart leave a line in the file `restarts`, and do nothing else."""
        command = ["/bin/sh", "-c", 'echo restarted >> "$0"', str(self.folder / "restarts")]
        return f'kind = "command"\ncommand = {json.dumps(command)}\nbackoff = "1h"\nbackoff_max = "1h"'

    def heart(self, name: str) -> Heartbeat:
        """Return the heart of an agent that is played by the rehearsal itself."""
        return Heartbeat(name, self.beats)

    def promises(self, name: str) -> str:
        """Return the table of an agent that is played by a `guest`, and that nothing restarts."""
        times = f'heartbeat_timeout = "{PROMISES.heartbeat_timeout}s"\ncheck_interval = "{PROMISES.check_interval}s"'
        return f"[agents.{name}]\n{times}\n"

    def guest(self, name: str) -> Guest:
        """Return the agent that was configured by `promises`."""
        return Guest(self._api, self.beats, name, PROMISES.heartbeat_timeout, PROMISES.check_interval)

    # --- the daemon ---

    async def start(self) -> None:
        """Start the daemon, and wait until it watches and trusts itself."""
        before = len(self.log("gate_opened"))
        environ = {key: value for key, value in os.environ.items() if key not in _SERVICE} | {_MARK: self._mark}
        with self._log.open("ab") as log, (self.folder / "errors").open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *self.daemon,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
                env=environ,
                start_new_session=True,
            )
        await self.wait(lambda: len(self.log("gate_opened")) > before, "the daemon watches")

    @property
    def pid(self) -> int:
        """The daemon's, 0 where none runs."""
        return 0 if self._process is None else self._process.pid

    def send(self, number: int) -> None:
        """Send a signal to the daemon."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """End the daemon."""
        if self._process is None:
            return
        self.send(number)
        self.send(signal.SIGCONT)
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_LIMIT)
        except TimeoutError:
            raise MissingError("the daemon's end", f"it runs on after {_STOP_LIMIT:g} s") from None
        self._process = None

    async def close(self) -> list[str]:
        """End the daemon and all that it has started; return what was left running beside it."""
        with suppress(MissingError):
            await self.stop()
        left = [str(process.pid) for process in self._running()]
        await asyncio.to_thread(end, self._running, _PATIENCE)
        if self._process is not None:
            await self._process.wait()
        return left

    def _running(self) -> list[Process]:
        """Return the processes that our daemon has started, and those of theirs: nobody else has its mark."""
        mark = f"{_MARK}={self._mark}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # gone, or another user's
                process = look(int(entry.name))  # before its mark is read: the pid may be another's by then
                if process and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(process)
        return found

    # --- what it says ---

    def log(self, event: str, *, after: float = 0.0, **fields: Any) -> list[dict[str, Any]]:
        """Return the records of `event` with these fields, written after a moment (s since the epoch)."""
        self._read()
        return [
            record
            for record in self._records
            if record["event"] == event
            and all(record.get(key) == value for key, value in fields.items())
            and moment(record["timestamp"]) > after
        ]

    async def logged(self, event: str, *, after: float = 0.0, limit: float = LIMIT, **fields: Any) -> dict[str, Any]:
        """Wait for a record, and return it."""
        said = " ".join([event, *(f"{key}={value}" for key, value in fields.items())])
        await self.wait(lambda: bool(self.log(event, after=after, **fields)), f"the log says {said}", limit)
        return self.log(event, after=after, **fields)[0]

    async def fleet(self) -> dict[str, Any]:
        """Return what `status` shows."""
        fleet: dict[str, Any] = await asked(lambda: self._api.ask("GET", "fleet"))
        return fleet

    async def kept(self) -> list[dict[str, Any]]:
        """Return the records that the journal holds, oldest first."""
        return await asked(lambda: self._api.history(_ROWS))

    async def agent(self, name: str) -> dict[str, Any]:
        """Return what `status` shows of one agent."""
        fleet = await self.fleet()
        return next(agent for agent in fleet["agents"] if agent["name"] == name)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the JSON lines of a file in the folder; none where there is no file."""
        path = self.folder / name
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def lives(self, name: str) -> list[dict[str, Any]]:
        """Return what each life of a managed agent has said of itself."""
        return self.lines(f"cache/{name}.lives")

    def told(self) -> list[str]:
        """Return the types of the messages that people got, in order."""
        return [message["type"] for message in self.lines("people.jsonl")]

    def restarts(self) -> int:
        """Return how often a `counted` restart was really done."""
        path = self.folder / "restarts"
        return len(path.read_text("utf-8").splitlines()) if path.exists() else 0

    async def wait(self, condition: Callable[[], bool], what: str, limit: float = LIMIT) -> None:
        """Wait until `condition` holds, which means that `what`."""
        until = time.monotonic() + limit
        while not condition():
            if self._process is not None and self._process.returncode is not None:
                raise MissingError(what, self._last_words(self._process.returncode))
            if time.monotonic() > until:
                raise MissingError(what, f"not within {limit:g} s")
            await asyncio.sleep(_LOOK_EVERY)

    def _last_words(self, code: int) -> str:
        lines = (self.folder / "errors").read_text("utf-8", "replace").splitlines()
        return ": ".join([f"the daemon ended with exit code {code}", *lines[-1:]])

    def _read(self) -> None:
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if line.endswith(b"\n"):
                    self._offset += len(line)
                    self._records.append(json.loads(line))


def send_to(pid: int, number: int) -> None:
    """Send a signal to an agent that a daemon of ours has started."""
    if process := look(pid):
        send(process, number)
