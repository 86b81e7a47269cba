"""The door before what is hostile: what is no HTTP, what does not end, what is too much."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import aiohttp
import pytest

from supervisor.faces import connections, http, requests
from tests.support.port import BEARER, URLENCODED, Port, refused


async def test_methods_paths_and_bodies_that_are_wrong(client: aiohttp.ClientSession, port: Port) -> None:
    async with client.request("TRACE", "/api/v1/fleet") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    assert (await refused(client, "POST", "/api/v1/fleet", headers=BEARER))[0] == 405
    assert (await refused(client, "GET", "/api/v1/nothing"))[0] == 404
    typed = {**BEARER, "Content-Type": "text/xml"}
    assert await refused(client, "POST", "/api/v1/check", data=b"<a/>", headers=typed) == (415, "Content-Type")
    for headers, status in ((BEARER, 413), ({}, 401)):
        typed = {**headers, "Content-Type": "application/json"}
        how = {"data": io.BytesIO(b"x" * 10_000_000), "headers": typed}
        assert (await refused(client, "POST", "/api/v1/check", **how))[0] == status
    assert not port.acted


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 20_000]
)
async def test_what_is_no_http_is_a_problem(port: Port, data: bytes) -> None:
    answer = await port.raw(data + b"\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"400"
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 400


async def test_a_head_that_does_not_end_is_not_waited_for(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_TIMEOUT", 0.2)
    answers = await asyncio.gather(*(port.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ") for _ in range(50)))
    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert json.loads(body)["status"] == 408


async def test_nor_is_half_of_a_second_request(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_TIMEOUT", 0.2)
    answer = await port.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHo")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_nor_is_a_form_that_does_not_come(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_TIMEOUT", 0.2)
    monkeypatch.setattr(connections, "IDLE_TIMEOUT", 0.2)
    lines = f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: {URLENCODED}\r\nContent-Length: 9\r\n\r\nto"
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(lines.encode())
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


async def test_too_many_connections_are_refused_and_the_socket_stays_open(
    port: Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 3)
    await port.face.use(None)
    await port.use(port.rules())
    held = [await asyncio.open_connection("127.0.0.1", port.number) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert (await port.raw(b"")).startswith(b"HTTP/1.1 503 ")
    unix = aiohttp.UnixConnector(str(tmp_path / "control.sock"))
    async with aiohttp.ClientSession("http://x", connector=unix) as owner, owner.get("/healthz") as answer:
        assert answer.status == 200
    for _, writer in held:
        writer.close()
    await asyncio.sleep(0.1)
    answer_again = await port.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer_again.startswith(b"HTTP/1.1 200 ")
