"""A real daemon in a folder of its own: its configuration, its files, its log, and commands asked of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.nursery import Nursery

PATHS = """
[paths]
cache = "cache"
state = "state"
data = "data"
socket = "control.sock"
[gate]
settle = "0s"
"""


@dataclass
class Town:
    """One world: `config` is added to the paths above."""

    folder: Path
    nursery: Nursery
    pid: int = 0
    environ: dict[str, str] = field(default_factory=dict)

    def configure(self, text: str) -> None:
        self.beats.mkdir(parents=True, exist_ok=True)
        self.config.write_text(PATHS + text)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def beats(self) -> Path:
        return self.folder / "cache" / "heartbeats"

    async def start(self) -> None:
        self.pid = self.nursery.daemon(self.config, self.folder / "log")
        await self.wait(lambda: bool(self.log("supervisor_ready")), "supervisor_ready")

    async def stop(self, number: int = signal.SIGTERM, limit: float = 20.0, *, log: bool = True) -> None:
        os.kill(self.pid, number)
        await self.wait(lambda: not Path(f"/proc/{self.pid}").exists(), "its end", limit, log=log)
        self.pid = 0

    def log(self, event: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        path = self.folder / "log"
        if not path.exists():
            return []
        whole = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        records = [json.loads(line) for line in whole]
        return [
            record
            for record in records
            if event in {None, record["event"]} and all(record.get(key) == value for key, value in fields.items())
        ]

    async def logged(self, event: str, limit: float = 20.0, **fields: Any) -> dict[str, Any]:
        await self.wait(lambda: bool(self.log(event, **fields)), f"{event} {fields}", limit)
        return self.log(event, **fields)[0]

    async def wait(self, condition: Callable[[], bool], what: str, limit: float = 20.0, *, log: bool = True) -> None:
        end = time.monotonic() + limit
        path = self.folder / "log"
        while not condition():
            if time.monotonic() > end:
                text = path.read_text(errors="replace") if log and path.exists() else ""
                pytest.fail(f"no {what} within {limit} s\n{text[-8000:]}")
            await asyncio.sleep(0.02)

    def run(self, *words: str, flags: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "supervisor", *words, *(["--config", str(self.config)] if flags else [])]
        root = str(Path(__file__).parents[2])
        environ = {**os.environ, "PYTHONPATH": root, "COLUMNS": "200", **self.environ}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=self.folder)

    async def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(self.run, *words)

    def state(self, agent: str) -> dict[str, Any]:
        done = self.run("status", "--json")
        return next(one for one in json.loads(done.stdout)["agents"] if one["name"] == agent)
