"""Kept log records as server-sent events: history first, then each as it is made, as long as the client keeps up.

Each has the id that `Last-Event-ID` goes on from; a slow client skips none, no queue grows for it, and one that takes
nothing is cut off.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from supervisor.faces import requests
from supervisor.faces.paging import cursor, key_of
from supervisor.faces.problems import ProblemError
from supervisor.faces.tail import READ_AT_ONCE, Piece, Tail, piece
from supervisor.ports import Control, Row

MAX_STREAMS = 512
HEARTBEAT = 15.0
"""A comment is sent after this many seconds without a record, so that both ends know of a dead connection."""

WRITE_TIMEOUT = 30.0
"""A client that takes nothing for this many seconds is cut off; it may come back with `Last-Event-ID`."""

_RETRY = b"retry: 2000\n\n"
"""How soon (ms) a browser that has lost the stream comes back."""

_BATCH = 100
_PAGE = 1000


class Streams:
    """The open streams of one listener; what is new comes from `tail`, whose control is `control`."""

    def __init__(self, control: Control, tail: Tail) -> None:
        self._control = control
        self._tail = tail
        self._open: set[asyncio.Task[None]] = set()

    async def serve(self, request: web.Request, asked: requests.EventsQuery) -> web.StreamResponse:
        """Answer `GET /api/v1/events`."""
        after = _last_event_id(request)
        if len(self._open) >= MAX_STREAMS:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_STREAMS} streams are open already")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        task = asyncio.create_task(self._send(request, response, asked, after), name="stream of events")
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        if not task.cancelled():
            task.result()
        return response

    async def end(self, _: web.Application) -> None:
        """End every stream: the daemon stops."""
        for task in self._open:
            task.cancel()

    async def _send(
        self, request: web.Request, response: web.StreamResponse, asked: requests.EventsQuery, after: int
    ) -> None:
        try:
            if asked.follow:
                async with self._tail.joined():
                    position = self._tail.newest
                    last = await self._history(request, response, asked, after)
                    await self._follow(response, max(position, last), asked.agent)
            else:
                await self._history(request, response, asked, after)
        except ConnectionResetError:
            pass  # the reader has gone, as readers do
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()

    async def _history(
        self, request: web.Request, response: web.StreamResponse, asked: requests.EventsQuery, after: int
    ) -> int:
        """Begin the answer and send what is kept; return the id sent last."""
        if after:
            return await self._missed(request, response, asked, after)
        before = None if asked.cursor is None else key_of(asked.cursor, int)[0]
        rows = await self._control.rows(since=asked.since, before=before, agent=asked.agent, limit=asked.limit + 1)
        if len(rows) > asked.limit:
            rows = rows[1:]
            query = {key: value for key, value in request.query.items() if key != "follow"}
            older = request.rel_url.with_query({**query, "cursor": cursor(rows[0].id)})
            response.headers["Link"] = f'<{older}>; rel="next"'
        await response.prepare(request)
        await _send(response, _RETRY)
        await self._write_rows(response, rows)
        return rows[-1].id if rows else 0

    async def _missed(
        self, request: web.Request, response: web.StreamResponse, asked: requests.EventsQuery, after: int
    ) -> int:
        """Begin the answer and send all that a returning client has missed, however much; return the id sent last."""
        rows = await self._control.rows(since=asked.since, after=after, agent=asked.agent, limit=_PAGE)
        await response.prepare(request)
        await _send(response, _RETRY)
        while rows:
            await self._write_rows(response, rows)
            after = rows[-1].id
            rows = await self._control.rows(since=asked.since, after=after, agent=asked.agent, limit=_PAGE)
        return after

    async def _write_rows(self, response: web.StreamResponse, rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), _BATCH):
            await _write(response, [piece(row) for row in rows[start : start + _BATCH]])
            await asyncio.sleep(0)

    async def _follow(self, response: web.StreamResponse, position: int, agent: str | None) -> None:
        """Send what comes after `position` until there will be no more, or a comment where nothing does."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    if not await self._tail.wait(position):
                        return
            except TimeoutError:
                await _send(response, b": nothing new\n\n")
                continue
            newest = self._tail.newest
            pieces = await self._tail.after(position, agent)
            last = pieces[-1].id if pieces else 0
            position = last if len(pieces) >= READ_AT_ONCE else max(newest, last)
            await _write(response, pieces)


async def _write(response: web.StreamResponse, pieces: Sequence[Piece]) -> None:
    if pieces:
        await _send(response, b"".join(one.data for one in pieces))


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT):
        await response.write(data)


def _last_event_id(request: web.Request) -> int:
    """Return the id that a returning client saw last, 0 for a new one."""
    text = request.headers.get("Last-Event-ID", "0")
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Last-Event-ID: expected the id of an event", "Last-Event-ID")
    return int(text)
