"""The connections of one listener: what is wrong before there is a request is answered with a problem document, too."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from aiohttp import web

from supervisor.faces.problems import Handler, problem, problem_bytes

HEAD_TIMEOUT = 10.0
"""A client that has not sent a whole head after this many seconds is not waited for."""

IDLE_TIMEOUT = 30.0
"""A connection without a further request, or with half of one, is closed after this many seconds."""

MAX_CONNECTIONS = 640
"""Of the TCP listener; more than streams, and fewer than the files that a process may have open by default."""


class Connection(web.RequestHandler):
    """One connection, as long as `room` has place for it."""

    def __init__(self, server: web.Server, room: set[Connection], limit: int | None) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(server, loop=loop, access_log=None, keepalive_timeout=IDLE_TIMEOUT)  # type: ignore[arg-type]
        self._room = room
        self._limit = limit
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or refuse at once where there are too many."""
        super().connection_made(transport)
        self._room.add(self)
        if self._limit is not None and len(self._room) > self._limit:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"{self._limit} connections are open already")
        else:
            self._late = asyncio.get_running_loop().call_later(HEAD_TIMEOUT, self._give_up)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room."""
        self._room.discard(self)
        self.greeted()
        super().connection_lost(exc)

    def greeted(self) -> None:
        """Hear that a whole head has come."""
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP."""
        self.greeted()
        answer = problem(HTTPStatus(status), (message or "not HTTP").partition("\n")[0].strip())
        answer.force_close()
        return answer

    def _give_up(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"no head within {HEAD_TIMEOUT:g} s")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self.transport is not None:
            body = problem_bytes(status, detail)
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n"
            self.transport.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        self.force_close()


@web.middleware
async def greeted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection that a whole head has come."""
    protocol: Any = request.protocol
    protocol.greeted()
    return await handler(request)
