"""A real Alertmanager on the loopback, as Debian has it."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.needs import missing

CONFIG = """
route:
  receiver: nobody
  group_wait: 0s
receivers:
  - name: nobody
inhibit_rules:
  - source_matchers: ['alertname="silent"', 'severity="critical"']
    target_matchers: ['alertname="heartbeat"']
    equal: [instance]
"""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """The server, as its API shows it."""

    url: str

    async def alerts(self, **labels: str) -> list[dict[str, Any]]:
        """Return the alerts with these labels that have not ended, the inhibited too."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/api/v2/alerts") as answer:
            alerts = await answer.json()
        return [one for one in alerts if labels.items() <= one["labels"].items()]

    async def ready(self) -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


@asynccontextmanager
async def alertmanager(folder: Path) -> AsyncIterator[Alertmanager]:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        missing("Alertmanager", "apt-get install prometheus-alertmanager")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "alertmanager.yml"
    config.write_text(CONFIG)
    command = [
        program,
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.to_thread(subprocess.Popen, command, stdout=log, stderr=log)
    server = Alertmanager(f"http://127.0.0.1:{port}")
    try:
        async with asyncio.timeout(30):
            while not await server.ready():
                await asyncio.sleep(0.05)
        yield server
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
