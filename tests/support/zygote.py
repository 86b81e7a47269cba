"""Lives of a supervisor that can be killed: a process that forks one for each line it is told.

A line is JSON: {"kind", "config", "data", "attempt"}. The answer is the pid of a process that makes the restarter
and asks for that attempt. Forking spares each life the import of everything.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Zygote:
    """The test's side."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def live(self, kind: str, config: dict[str, Any], data: Path, attempt: int) -> int:
        """Begin a life that asks for `attempt`; return its pid."""
        assert self._process.stdin
        assert self._process.stdout
        told = {"kind": kind, "config": config, "data": str(data), "attempt": attempt}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the zygote has died"
        return int(answer)


async def _ask(told: dict[str, Any]) -> None:
    module = importlib.import_module(f"supervisor.restarters.{told['kind']}")
    config = module.Config.model_validate(told["config"])
    await module.Restarter(config, agent="test-agent", data=Path(told["data"])).restart(told["attempt"])
    await asyncio.sleep(60)  # alive until it is killed


def _serve() -> None:
    for kind in ("command", "managed", "systemd"):
        importlib.import_module(f"supervisor.restarters.{kind}")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asyncio.run(_ask(json.loads(line)))
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
