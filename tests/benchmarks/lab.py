"""What every benchmark works with: a folder, real processes, and what the kernel says of them."""

from __future__ import annotations

import gc
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lab:
    """Where a benchmark runs, and how thoroughly."""

    folder: Path
    quick: bool = False

    def pick(self, full: T, quick: T) -> T:
        """Return one of the two."""
        return quick if self.quick else full

    def room(self, name: str) -> Path:
        """Return a fresh folder."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))


def agents(count: int) -> list[str]:
    """Return the names of `count` agents."""
    return [f"agent-{number:05}" for number in range(count)]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below or at which this share of the values lies."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@contextmanager
def frozen() -> Iterator[None]:
    """Keep what was made so far out of the garbage collector's way, as the daemon does after its start."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


# --- processes ---------------------------------------------------------------------------------------


def cpu(pid: int) -> float:
    """Return the CPU time (s, user and system) that a process has used: clock_getcpuclockid(3), in nanoseconds."""
    return time.clock_gettime((~pid << 3) | 2)


def cpu_within(seconds: float, pids: Mapping[str, int]) -> dict[str, float]:
    """Return the share of one core that each of the processes uses in the next `seconds`."""
    before, begin = {name: cpu(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - begin
    return {name: (cpu(pid) - before[name]) / lasted for name, pid in pids.items()}


def resident(pid: int) -> int:
    """Return the resident memory (bytes) of a process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(text.partition("VmRSS:")[2].split()[0])


@contextmanager
def process(
    *command: str, out: int | Path = subprocess.DEVNULL, err: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command as long as the context lasts; its standard output goes to a file or nowhere, its errors to ours."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    fd = os.open(out, os.O_WRONLY | os.O_CREAT, 0o644) if isinstance(out, Path) else out
    try:
        started = subprocess.Popen(command, stdout=fd, stderr=err, cwd=ROOT, env=environ, text=True)
    finally:
        if isinstance(out, Path):
            os.close(fd)
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.send_signal(signal.SIGCONT)
        started.terminate()
        try:
            started.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.communicate()


def python(*words: str) -> tuple[str, ...]:
    """Return the command that runs a module with the same Python."""
    return sys.executable, "-m", *words


def wait(condition: Callable[[], bool], what: str, limit: float = _PATIENCE) -> None:
    """Wait until it is so. Raises TimeoutError."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {limit:g} s")
        time.sleep(0.02)


@contextmanager
def monit(folder: Path, checks: Sequence[str]) -> Iterator[subprocess.Popen[str] | None]:
    """Run monit on these checks at a cycle of 1 s; None where it is not installed."""
    command = shutil.which("monit")
    if command is None:
        yield None
        return
    control = folder / "monitrc"
    places = "\n".join(f"set {kind}file {folder}/monit.{kind}" for kind in ("log", "pid", "id", "state"))
    control.write_text(f"set daemon 1\n{places}\n" + "\n".join(checks) + "\n", encoding="utf-8")
    control.chmod(0o600)
    with process(command, "-I", "-c", str(control), err=subprocess.DEVNULL) as running:
        yield running


def monit_check(name: str, file: Path, limit: str, command: str = "/bin/true") -> str:
    """Return monit's check of a file that must have been written within `limit`, such as "60 minutes"."""
    return f'check file {name} with path "{file}"\n  if timestamp > {limit} then exec "{command}"'


# --- the daemon --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Daemon:
    """A real daemon in a folder of its own."""

    folder: Path
    pid: int

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return its log records of this name."""
        mark = f'"event":"{event}"'.encode()
        lines = said(self.folder).read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if mark in line and line.endswith(b"\n")]

    def fleet(self) -> dict[str, Any]:
        """Return what it says of every agent."""
        words = python("supervisor", "status", "--json", "--config", str(self.folder / "config.toml"))
        done = subprocess.run(words, capture_output=True, check=False, cwd=ROOT)
        return {agent["name"]: agent for agent in json.loads(done.stdout)["agents"]}


def said(folder: Path) -> Path:
    """Return where the log of the daemon in `folder` is: not beside its configuration, which it watches."""
    return folder.with_suffix(".log")


def beats_of(folder: Path) -> Path:
    """Return where the agents of the daemon in `folder` beat."""
    return folder / "cache" / "heartbeats"


def configure(folder: Path, names: Sequence[str], more: str = "", each: Callable[[str], str] = lambda _: "") -> None:
    """Write the configuration of these agents: `more` for all, `each` for one."""
    beats_of(folder).mkdir(parents=True)
    (folder / "state").mkdir()
    paths = '[paths]\ncache = "cache"\nstate = "state"\ndata = "data"\nsocket = "control.sock"\n'
    told = "".join(f"[agents.{name}]\n{each(name)}\n" for name in names)
    (folder / "config.toml").write_text(f"{paths}{more}\n{told}", encoding="utf-8")


@contextmanager
def daemon(folder: Path, *words: str) -> Iterator[Daemon]:
    """Run a daemon until the context ends; yield it when it is ready. `words`: another program that runs one."""
    command = words or python("supervisor", "run", "--log-format", "json", "--config")
    with process(*command, str(folder / "config.toml"), out=said(folder)) as started:
        running = Daemon(folder, started.pid)
        wait(lambda: bool(running.log("supervisor_ready")) or started.poll() is not None, "the daemon")
        if started.poll() is not None:
            raise RuntimeError(f"the daemon ended with exit code {started.returncode}")
        yield running


def when(text: str) -> float:
    """Return a time of a log record in seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()
