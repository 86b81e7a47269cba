"""Answers, made off the event loop: the picture of 1,000 agents takes a while to write."""

from __future__ import annotations

import asyncio
import json
import pwd
import socket as sockets
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")

# Not the event loop's own threads: a disk that hangs may hold all of those.
_ANSWERS = ThreadPoolExecutor(4, thread_name_prefix="answers")

ASKER = web.RequestKey("asker", str)
"""Who asks over TCP, as the door has found out."""


async def aside(work: Callable[[], T]) -> T:
    """Return what `work` returns, done off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_ANSWERS, work)


async def document(make: Callable[[], Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return the JSON of what `make` makes."""
    text = await aside(lambda: json.dumps(make()))
    return web.Response(text=text, status=status, content_type="application/json")


def nothing() -> web.Response:
    """Return an answer without content."""
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def asker(request: web.Request, by: str | None) -> str:
    """Return who asks: `by`, else whom the door knows, else the user whose process has the other end of the socket.

    Over TCP a name is only what somebody says: whom the door knows stands beside it.
    """
    if by is not None:
        said = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in by)
        return f"{said} (by {request[ASKER]})" if ASKER in request else said
    if ASKER in request:
        return request[ASKER]
    peer = request.get_extra_info("socket")
    _, uid, _ = struct.unpack("3i", peer.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, struct.calcsize("3i")))
    return await aside(lambda: _user_name(uid))


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
