"""A real HTTP server on the loopback that takes webhooks and answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Got:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """The server. `behave` makes the answers; `got` is what came, also where no answer was made."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    behave: Behaviour = field(default=lambda _request: answer(204))
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.got.append(Got(request.method, request.path, dict(request.headers), body))
        return await self.behave(request)

    def says(self, status: int, text: str = "", **headers: str) -> None:
        self.behave = lambda _request: answer(status, text, **headers)

    def hangs(self) -> None:
        self.behave = self._hang

    def resets(self) -> None:
        self.behave = _reset

    def dribbles(self, status: int) -> None:
        """Answer with a status at once, and with a body that never ends."""

        async def behave(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(status=status, headers={"Content-Length": "1000000"})
            await response.prepare(request)
            await self.release.wait()
            return response

        self.behave = behave

    async def _hang(self, _request: web.Request) -> web.StreamResponse:
        await self.release.wait()
        return web.Response()


async def answer(status: int, text: str = "", **headers: str) -> web.Response:
    return web.Response(
        status=status, text=text, headers={key.replace("_", "-"): value for key, value in headers.items()}
    )


async def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    runner: Any = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/hook"
        yield receiver
    finally:
        receiver.release.set()
        await runner.cleanup()
