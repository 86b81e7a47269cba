"""Daemons that start in a few milliseconds: a process that has imported everything forks one for each line.

A line is JSON: {"config", "log", "uid"}. The answer is the pid of a daemon that runs with that configuration and
writes its log there. When the daemon has ended, "<log>.code" holds its exit code.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Self

from supervisor import app, settings
from tests.support import plain


class Nursery:
    """The test's side."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery"],
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

    def daemon(self, config: Path, log: Path, uid: int = 0) -> int:
        """Start a daemon, as user `uid` where it is not 0; return its pid."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"config": str(config), "log": str(log), "uid": uid}) + "\n")
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


def _serve() -> None:
    for kind in ("notifiers.file", "restarters.command", "restarters.managed"):
        importlib.import_module(f"supervisor.{kind}")  # so that the forks need not
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
