"""Kept log records as server-sent events: history first, then each as it is made, as long as the client keeps up.

A new record is only the hint to read on after the last one that was sent: a slow client skips none, each has the
id that `Last-Event-ID` goes on from, and no queue grows.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from http import HTTPStatus

from aiohttp import web

from supervisor.faces import requests
from supervisor.faces.documents import row_document
from supervisor.faces.problems import ProblemError
from supervisor.ports import Control, RefusedError, Row, StoreError

MAX_STREAMS = 32
HEARTBEAT = 15.0
"""A comment is sent after this many seconds without a record, so that both ends know of a dead connection."""

WRITE_TIMEOUT = 30.0
"""A client that takes nothing for this many seconds is cut off; it may come back with `Last-Event-ID`."""

_BATCH = 100
_LOOKS = (0.1, 1.0, 5.0)
"""Waits (s) after a hint before the journal is read: most records are on disk by the first."""


class Streams:
    """The open streams of one daemon."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._open: set[asyncio.Task[None]] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /api/v1/events`."""
        asked = requests.query(request, requests.EventsQuery)
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
        hint = asyncio.Event()
        # Listening before the history is read: no record can fall between the two.
        ear = asyncio.create_task(self._listen(asked.agent, hint), name="hints of events") if asked.follow else None
        try:
            rows = await self._control.rows(since=asked.since, after=after, agent=asked.agent, limit=asked.limit)
            await response.prepare(request)
            last = await _write(response, rows) or after
            while ear is not None and not ear.done():
                last = await self._follow(response, asked, last, hint)
        except ConnectionResetError:
            pass  # the reader has gone, as readers do
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        finally:
            if ear is not None:
                ear.cancel()
                await asyncio.wait({ear})

    async def _follow(
        self, response: web.StreamResponse, asked: requests.EventsQuery, last: int, hint: asyncio.Event
    ) -> int:
        """Send what comes after `last` once there is a hint, or a comment; return the id sent last."""
        with suppress(TimeoutError):
            await asyncio.wait_for(hint.wait(), HEARTBEAT)
        for wait in _LOOKS if hint.is_set() else (0.0,):
            await asyncio.sleep(wait)
            hint.clear()
            with suppress(StoreError, RefusedError):  # said in the log; it will be read once it can be
                if rows := await self._control.rows(after=last, agent=asked.agent, limit=requests.MAX_ROWS):
                    return await _write(response, rows)
        await _send(response, b": nothing new\n\n")
        return last

    async def _listen(self, agent: str | None, hint: asyncio.Event) -> None:
        live = self._control.follow()
        try:
            async for row in live:
                if agent is None or row.agent == agent:
                    hint.set()
        finally:
            if isinstance(live, AsyncGenerator):
                await live.aclose()


async def _write(response: web.StreamResponse, rows: Sequence[Row]) -> int:
    """Send the rows; return the last one's id, 0 where there is none."""
    for start in range(0, len(rows), _BATCH):
        await _send(response, b"".join(_event(row) for row in rows[start : start + _BATCH]))
        await asyncio.sleep(0)
    return rows[-1].id if rows else 0


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT):
        await response.write(data)


def _event(row: Row) -> bytes:
    return f"id: {row.id}\nevent: {row.event}\ndata: {json.dumps(row_document(row))}\n\n".encode()


def _last_event_id(request: web.Request) -> int:
    """Return the id that a returning client saw last, 0 for a new one."""
    text = request.headers.get("Last-Event-ID", "0")
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Last-Event-ID: expected the id of an event", "Last-Event-ID")
    return int(text)
