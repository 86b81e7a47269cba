"""The launcher: a small child that does one run exactly once, and goes on when the supervisor dies.

It is started as `python -I -S _launch.py JOB` in a session of its own, with a gate of its own as its standard error. It

1. claims the run; another one that asks for the same run finds it claimed and leaves;
2. runs the `pre_restart` hooks, and stops at the first that fails: nothing is touched then;
3. ends what still lives of earlier runs, and proves it gone;
4. runs the command and writes how it ended, or, with `output`, becomes the agent.

What the command leaves in the background lives on, and its standard error is drained for as long as it is held.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[2]))  # -I and -S leave nothing but the standard library

from supervisor.restarters import _runs
from supervisor.restarters._processes import Pipe, Process, end, look, members, wait

LINES = 20
LINE_LIMIT = 2048
_CHUNK = 65536
_RESET = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM)


class Failed(Exception):  # noqa: N818 - an outcome, not a bug
    """The run has failed; `result` says how."""

    def __init__(self, detail: str, code: int | None = None, stderr: list[str] | None = None) -> None:
        super().__init__(detail)
        self.result = {"ok": False, "detail": detail, "exit_code": code, "stderr": stderr or []}


class Tail:
    """The last lines of a flood of bytes, each cut at `LINE_LIMIT`."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=LINES)
        self._open = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes. What comes before the last lines of `data` is not looked at."""
        head, *rest = data.rsplit(b"\n", LINES + 1)
        self._open += head[: LINE_LIMIT - len(self._open)]
        for piece in rest:
            self._lines.append(self._open)
            self._open = piece[:LINE_LIMIT]

    def lines(self) -> list[str]:
        """Return the last lines as text."""
        kept = [*self._lines, self._open] if self._open else [*self._lines]
        return [line.decode("utf-8", "replace").rstrip("\r") for line in kept[-LINES:]]


class Flood:
    """The pipe that the commands write their standard error to."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self.tail = Tail()
        self.pipe = Pipe(self._read_end, self.pump)

    def pump(self) -> bool:
        """Read once; return whether there was something."""
        try:
            data = os.read(self._read_end, _CHUNK)
        except BlockingIOError:
            return False
        self.tail.feed(data)
        return bool(data)

    def rest(self) -> list[str]:
        """Return the last lines of a command that has ended, and begin anew."""
        for _ in range(2 * 1024 * 1024 // _CHUNK):  # the pipe's content; one who goes on writing shall not keep us
            if not self.pump():
                break
        lines, self.tail = self.tail.lines(), Tail()
        return lines

    def drain(self) -> None:
        """Throw away what comes until nobody holds the pipe any more."""
        os.close(self.write_end)
        os.set_blocking(self._read_end, True)
        while os.read(self._read_end, _CHUNK):
            pass


class Step(NamedTuple):
    """How one command ended."""

    code: int | None
    output: list[str]


def run(argv: list[str], job: dict[str, Any], flood: Flood, *, stdout: bool = False) -> Step:
    """Run `argv` to its end, `timeout` seconds at most; then everything in this session is ended.

    Returns the last lines of its standard error (`stdout`: of both). Raises Failed.
    """
    actions = [(os.POSIX_SPAWN_DUP2, flood.write_end, fd) for fd in ((1, 2) if stdout else (2,))]
    until = time.monotonic() + job["timeout"]
    try:
        # A group of its own: a script that ends its group must not end its launcher.
        pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions, setpgroup=0, setsigdef=_RESET)
    except OSError as error:
        raise Failed(unusable(argv, error)) from None
    child = look(pid)
    in_time = wait([child] if child else [], until, flood.pipe)
    if not in_time:
        end(_others, job["stop_timeout"], flood.pipe)
    ended, status = os.waitpid(pid, os.WNOHANG)
    code = os.waitstatus_to_exitcode(status) if ended else None
    output = flood.rest()
    if not in_time:
        raise Failed(f"timed out after {job['timeout']:g} s", code, output)
    if code and not stdout:
        raise Failed(how_it_ended(code), code, output)
    return Step(code, output)


def work(job: dict[str, Any], folder: Path, number: int, flood: Flood) -> dict[str, Any]:
    """Do the run; return its result."""
    try:
        if job["working_directory"]:
            enter(job["working_directory"])
        for hook in job["pre_restart"]:
            try:
                run(hook, job, flood)
            except Failed as failed:
                failed.result["detail"] = f"pre_restart {hook[0]}: {failed.result['detail']}"
                raise
        clear(folder, number, job["stop_timeout"])
        if job["output"]:
            become(job["command"], folder, number)
        step = run(job["command"], job, flood) if job["command"] else Step(None, [])
    except Failed as failed:
        outcome = failed.result
    except OSError as error:
        outcome = Failed(f"{error.filename or folder}: {error.strerror}").result
    else:
        outcome = {"ok": True, "detail": "", "exit_code": step.code, "stderr": step.output}
    if job["report"]:
        try:
            outcome["report"] = run(job["report"], job, flood, stdout=True).output
        except Failed:
            outcome["report"] = []
    return outcome


def enter(folder: str) -> None:
    """Go to the working directory."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise Failed(f"working_directory {folder}: {error.strerror}") from None


def clear(folder: Path, number: int, patience: float) -> None:
    """End what lives of every run before `number`, and forget those runs."""
    for claim in _runs.claims(folder):
        if claim.number >= number:
            continue
        if survivors := end(partial(_runs.living, folder, claim), patience):
            pids = ", ".join(str(process.pid) for process in survivors)
            raise Failed(f"the old copy can not be ended: pid {pids} lives on after KILL")
        _runs.forget(folder, claim.number)


def become(argv: list[str], folder: Path, number: int) -> NoReturn:
    """Turn this process into the agent, its output in files that need no reader. Exec closes the gate."""
    errors = folder / "stderr.log"
    if errors.exists():
        errors.replace(folder / "stderr.log.1")  # an exit is told with the lines of this copy alone
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    output, diagnostics = os.open(folder / "output.log", flags, 0o600), os.open(errors, flags, 0o600)
    outcome = {"ok": True, "detail": "", "exit_code": None, "stderr": [], "started": time.time()}
    _runs.note_or_speak(folder, number, outcome)
    gate = os.dup(2)
    os.dup2(output, 1)
    os.dup2(diagnostics, 2)
    for reset in _RESET:
        signal.signal(reset, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - argv is the user's own
    except OSError as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.dup2(gate, 2)
        os.close(gate)
        raise Failed(unusable(argv, error)) from None


def how_it_ended(code: int) -> str:
    """Return what an exit code, negative for a signal, means."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:  # a realtime signal has no name
        return f"ended by signal {-code}"


def unusable(argv: list[str], error: OSError) -> str:
    """Return why `argv` could not be started."""
    return f"{argv[0]}: {error.strerror}" + ("" if "/" in argv[0] else " (looked for on PATH)")


def _others() -> list[Process]:
    return [process for process in members(os.getsid(0)) if process.pid != os.getpid()]


def main(job: dict[str, Any]) -> None:
    """Do what `job` says, unless somebody else does it."""
    # What the supervisor itself was handed down is not the agent's.
    os.closerange(3, 1 + max(int(fd.name) for fd in Path("/proc/self/fd").iterdir()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the command is told; this one stays to say how it ended
    folder, number = Path(job["folder"]), job["number"]
    claim = _runs.claim(folder, number, job["attempt"], job["gate"])
    if claim is None:
        return
    started = time.time()
    flood = Flood()
    outcome = work(job, folder, number, flood)
    _runs.settle(folder, claim, {**outcome, "started": started, "ended": time.time()})
    os.dup2(1, 2)  # closes the gate: the result is there
    flood.drain()


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except OSError as error:
        sys.exit(str(error))  # the last words, through the gate
