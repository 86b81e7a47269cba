"""The API over HTTP: on the control socket always, on a loopback port where one is configured.

Only the socket's owner may open it; who asks is told by the kernel, or by `by` in the body. The port has a door.
"""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from supervisor.domain.records import HttpFailed, HttpListening, Record
from supervisor.faces import requests
from supervisor.faces.api import replies
from supervisor.faces.api.door import Door, Rules
from supervisor.faces.api.links import Links
from supervisor.faces.api.login import Login
from supervisor.faces.api.openapi import openapi
from supervisor.faces.api.route import Route, register
from supervisor.faces.api.routes import table
from supervisor.faces.connections import MAX_CONNECTIONS, Connection, greeted
from supervisor.faces.languages.language import language
from supervisor.faces.listening import Listening, listen, listen_tcp
from supervisor.faces.problems import problems
from supervisor.faces.streams import Streams
from supervisor.faces.tail import Tail
from supervisor.ports import Control

_DRAIN = 5.0
"""How long (s) requests under way may take once the daemon ends."""

_AGAIN = 10.0
"""Wait (s) before a port that is taken is tried again."""

_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none at all a browser's forms would not say where they come from
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'"


class HttpFace:
    """Serves `control` on `socket` between `start` and `close`, and on TCP by the rules that it is given.

    Args:
        watches: see `documents.watches_document`.
        tell: takes log records.
    """

    def __init__(
        self,
        control: Control,
        socket: Path,
        version: str,
        watches: Mapping[str, str | None],
        tell: Callable[[Record], None] = lambda _: None,
    ) -> None:
        self._control = control
        self._path = socket
        self._version = version
        self._watches = watches
        self._tell = tell
        self._tail = Tail(control)
        self._listening: Listening | None = None
        self._server: _Server | None = None
        self._rules: Rules | None = None
        self._port: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises OSError that says why it can not, such as another daemon on the same socket."""
        self._listening = listen(self._path)
        self._server = _Server(self._app(None))
        await self._server.start(self._listening.socket, None)

    async def use(self, rules: Rules | None) -> None:
        """Serve on TCP by these rules from now on; not at all where there are none. What goes wrong is told."""
        if rules == self._rules:
            return
        await self._close_port()
        self._rules = rules
        if rules is not None:
            self._port = asyncio.create_task(self._serve(rules), name="http listener")

    async def close(self) -> None:
        """Take the socket away, end the streams, let requests under way finish."""
        if self._listening is not None:
            self._listening.unlink()
        await self._close_port()
        if self._server is not None:
            await self._server.close()

    # --- inside ---

    async def _serve(self, rules: Rules) -> None:
        """Listen as soon as the port can be had, until cancelled."""
        said = ""
        while True:
            try:
                listening = listen_tcp(rules.host, rules.port)
            except OSError as error:
                why = error.strerror or str(error)
                if why != said:
                    self._tell(HttpFailed(rules.authority, why))
                    said = why
                await asyncio.sleep(_AGAIN)
            else:
                break
        server = _Server(self._app(Door(rules)))
        try:
            await server.start(listening, MAX_CONNECTIONS)
            self._tell(HttpListening(rules.authority))
            await asyncio.get_running_loop().create_future()
        finally:
            await server.close()

    async def _close_port(self) -> None:
        if self._port is not None:
            self._port.cancel()
            await asyncio.wait({self._port})
            self._port = None

    def _app(self, door: Door | None) -> web.Application:
        middlewares = [greeted, problems] if door is None else [greeted, problems, door.admit]
        app = web.Application(middlewares=middlewares, client_max_size=requests.MAX_BODY)
        streams = Streams(self._control, self._tail)
        routes = table(self._control, self._version, self._watches, streams)
        if door is not None:
            speech = language(door.language, "UTC")
            Login(door, speech).register(app)
            if door.links is not None:
                routes = (*routes, *Links(self._control, door.links, speech).routes())
        register(app, [*routes, self._description(routes)])
        app.on_shutdown.append(streams.end)
        app.on_response_prepare.append(_secure)
        return app

    def _description(self, routes: tuple[Route, ...]) -> Route:
        async def describe(_: web.Request, __: requests.Nothing) -> web.Response:
            return await replies.document(lambda: openapi([*routes, route], self._version))

        route = Route("GET", "/api/v1/openapi.json", "This document.", describe, answer=dict[str, object])
        return route


class _Server:
    """An application on one listening socket."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN, handle_signals=False)
        self._room: set[Connection] = set()
        self._acceptor: asyncio.Server | None = None

    async def start(self, listening: sockets.socket, limit: int | None) -> None:
        """Take connections, at most `limit` at a time."""
        await self._runner.setup()
        server = self._runner.server
        assert server is not None  # noqa: S101 - it is there after `setup`
        loop = asyncio.get_running_loop()
        self._acceptor = await loop.create_server(lambda: Connection(server, self._room, limit), sock=listening)

    async def close(self) -> None:
        """Take no more, end the streams, let requests under way finish."""
        if self._acceptor is not None:
            self._acceptor.close()
        await self._runner.cleanup()


async def _secure(_: web.Request, response: web.StreamResponse) -> None:
    """Say to browsers what no answer of ours needs. A page brings its own policy of what it may load and run."""
    response.headers["Server"] = "collections-supervisor"  # which aiohttp and Python is nobody's business
    for name, value in _SECURITY.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _NOTHING_ALLOWED)
