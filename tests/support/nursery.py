"""Daemons that start in a few milliseconds: a process that has imported everything forks one for each line.

A line is JSON: {"config", "log", "uid", "crash"}. The answer is the pid of a daemon that runs with that configuration
and writes its log there. When the daemon has ended, "<log>.code" holds its exit code.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

from supervisor import app, settings
from supervisor.ports import Entry, StoreError
from supervisor.stores._database import Database
from tests.support import plain

WARM = "--warm"


class Crash(NamedTuple):
    """The daemon kills itself at its `number`th transaction: before it is begun, or once it is on the disk."""

    number: int
    side: Literal["before", "after"]


class Nursery:
    """The test's side.

    Args:
        warm: let one daemon live before the first fork: what it has cached, the others need not make. It takes a
            second, and each daemon a third of the time.
    """

    def __init__(self, *, warm: bool = False) -> None:
        self._words = [WARM] if warm else []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery", *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=plain.environ(),  # they are killed, or hurried: no place to measure coverage
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def daemon(self, config: Path, log: Path, uid: int = 0, crash: Crash | None = None) -> int:
        """Start a daemon, as user `uid` where it is not 0; return its pid."""
        assert self._process.stdin
        assert self._process.stdout
        told = {"config": str(config), "log": str(log), "uid": uid, "crash": crash}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    @staticmethod
    def kill(pid: int) -> None:
        """Kill a process that a daemon of ours has started."""
        os.kill(pid, signal.SIGKILL)


def _live(config: Path, log: Path) -> int:
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(0)

    def load() -> settings.Settings:
        return settings.load(config, os.environ)

    return app.run(load(), reload=load, log_format="json")


def _crash_at(crash: Crash) -> None:
    write, count = Database.write, 0

    def written(self: Database, entries: Sequence[Entry]) -> list[StoreError | None]:
        nonlocal count
        count += 1
        if crash == (count, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        outcomes = write(self, entries)
        if crash == (count, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return outcomes

    Database.write = written  # type: ignore[method-assign]


def _warm_up() -> None:
    """Let one daemon live for a moment, in this process; nothing of it is left but what it has cached."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        config = Path(folder) / "c.toml"
        places = "".join(f'{name} = "{name}"\n' for name in ("cache", "state", "data", "socket"))
        config.write_text(f"[paths]\n{places}[agents.nobody]\n")

        def load() -> settings.Settings:
            return settings.load(config, os.environ)

        ending = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
        ending.start()
        app.run(load(), reload=load, log_format="json")
        ending.join()
    gc.collect()
    gc.freeze()  # a collection in a fork would copy all of it


def _serve() -> None:
    for kind in ("notifiers.file", "restarters.command", "restarters.managed"):
        importlib.import_module(f"supervisor.{kind}")  # so that the forks need not
    if WARM in sys.argv:
        _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 70
            try:
                if told["uid"]:
                    os.seteuid(told["uid"])
                if told["crash"] is not None:
                    _crash_at(Crash(*told["crash"]))
                code = _live(Path(told["config"]), Path(told["log"]))
            except BaseException:  # noqa: BLE001 - told, and then the end all the same
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                Path(told["log"] + ".code").write_text(str(code))
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
