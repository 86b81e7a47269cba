"""The port itself: taken, moved, on IPv6."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from supervisor.domain.records import HttpFailed, HttpListening
from supervisor.faces import http
from tests.support.port import Port, free_port


async def test_a_port_that_is_taken_is_said_once_and_tried_again(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_AGAIN", 0.05)
    other = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", other))
        taken.listen()
        await port.use(port.rules(port=other))
        await asyncio.sleep(0.3)
        assert port.told[1:] == [HttpFailed(f"127.0.0.1:{other}", "Address already in use")]
    async with asyncio.timeout(10):
        while len(port.told) < 3:
            await asyncio.sleep(0.01)
    assert port.told[2:] == [HttpListening(f"127.0.0.1:{other}")]


async def test_new_rules_move_it_and_none_close_it(client: aiohttp.ClientSession, port: Port) -> None:
    async with client.get("/api/v1/events?follow=1") as stream:
        await port.face.use(port.rules())
        assert len(port.told) == 1
        other = free_port()
        async with asyncio.timeout(5):
            await port.use(port.rules(port=other))
        assert await stream.content.read() == b"retry: 2000\n\n"
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get("/healthz")
    port.number = other
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert (await port.raw(request)).startswith(b"HTTP/1.1 200 ")
    await port.use(None)
    with pytest.raises(ConnectionRefusedError):
        await port.raw(request)


async def test_it_listens_on_ipv6_too(port: Port) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    await port.use(port.rules(host="::1"))
    assert port.told[-1] == HttpListening(f"[::1]:{port.number}")
    async with aiohttp.ClientSession() as session, session.get(f"http://[::1]:{port.number}/healthz") as answer:
        assert answer.status == 200
