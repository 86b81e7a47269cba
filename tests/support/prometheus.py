"""Prometheus and its tools, as Debian has them; and a bridge to a socket that it can not scrape itself."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.needs import missing


def program(name: str) -> str:
    """Return where the program is; skip the test, or fail it in CI, where it is not."""
    return shutil.which(name) or missing(name, "apt-get install prometheus")


def promtool() -> str:
    """Return where promtool is."""
    return program("promtool")


def lint(text: bytes) -> tuple[int, bytes]:
    """Return promtool's exit code on an exposition, and all that it has to say."""
    done = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


@dataclass
class Prometheus:
    """One that runs: `url` is where it answers."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **query: str) -> Any:
        """Return the data of one of its answers. Raises ValueError with what it has to say against it."""
        async with self.session.get(f"{self.url}/api/v1/{path}", params=query) as answer:
            document = await answer.json()
        if document["status"] != "success":
            raise ValueError(document["error"])
        return document["data"]

    async def value(self, expr: str) -> float | None:
        """Return what the expression comes to now, None where that is nothing."""
        result = (await self.get("query", query=expr))["result"]
        return float(result[0]["value"][1]) if result else None

    async def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        alerts = (await self.get("alerts"))["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}


@asynccontextmanager
async def prometheus(folder: Path, target: int, rules: str) -> AsyncIterator[Prometheus]:
    """Run one that scrapes the port `target` on the loopback every second, with these rules."""
    binary = program("prometheus")
    folder.mkdir()
    (folder / "rules.yml").write_text(rules)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {
                "job_name": "collections-supervisor",
                "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    port = _free_port()
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(binary, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--query.lookback-delta=5s"),
            stdout=log,
            stderr=log,
        )
    try:
        async with aiohttp.ClientSession() as session:
            one = Prometheus(f"http://127.0.0.1:{port}", session)
            await _ready(one)
            yield one
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def bridge(socket: Path) -> AsyncIterator[int]:
    """Yield a port on the loopback behind which the unix socket is."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(str(socket))
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one of the two has gone
    finally:
        writer.close()


async def _ready(one: Prometheus) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                async with one.session.get(f"{one.url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
