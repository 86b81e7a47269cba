"""The door of the TCP listener, over real connections: who is let in, and what everybody else is told."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from supervisor.credentials import Credential
from supervisor.domain.records import HttpFailed, HttpListening, Record
from supervisor.faces import connections, http, requests
from supervisor.faces.api.door import Rules
from supervisor.faces.api.sessions import PER_PEER
from supervisor.faces.http import HttpFace
from tests.support.control import WATCHES, MemoryControl, agent

TOKEN = "open sesame é"
BEARER = {"Authorization": "Bearer open sesame é"}
FORM = {"token": TOKEN, "name": " Ann\n Other "}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Port:
    """A face on a port, and what it has told."""

    def __init__(self, control: MemoryControl, folder: Path) -> None:
        self.control = control
        self.number = free_port()
        self.token = folder / "token"
        self.token.write_text(TOKEN + "\n", "utf-8")
        self.told: list[Record] = []
        self.face = HttpFace(control, folder / "control.sock", "1.2.3", WATCHES, self.told.append)

    def rules(self, **changes: Any) -> Rules:
        known = {"host": "127.0.0.1", "port": self.number, "token": Credential("file", str(self.token))}
        return Rules(**{**known, **changes})

    async def use(self, rules: Rules | None) -> None:
        count = len(self.told)
        await self.face.use(rules)
        async with asyncio.timeout(10):
            while rules is not None and len(self.told) == count:
                await asyncio.sleep(0.01)

    async def raw(self, data: bytes) -> bytes:
        """Send bytes, and return all that comes until the other end closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(), 15)
        writer.close()
        return answer

    @property
    def acted(self) -> bool:
        return bool(self.control.asked)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    port = Port(MemoryControl(agent("mailer", restarter="command")), tmp_path)
    await port.face.start()
    await port.use(port.rules())
    yield port
    await port.face.close()


@pytest.fixture
async def client(port: Port) -> AsyncIterator[aiohttp.ClientSession]:
    base = f"http://127.0.0.1:{port.number}"
    jar = aiohttp.CookieJar(unsafe=True)  # an address may have cookies, too
    async with aiohttp.ClientSession(base, cookie_jar=jar) as session:
        yield session


async def refused(client: aiohttp.ClientSession, method: str, path: str, **how: Any) -> tuple[int, str | None]:
    """Return the status and the key of a problem document."""
    async with client.request(method, path, allow_redirects=False, **how) as answer:
        text = await answer.text()
        assert answer.content_type == "application/problem+json", (answer.status, text)
        document = json.loads(text)
        assert document["status"] == answer.status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        return answer.status, document.get("key")


async def login(client: aiohttp.ClientSession, port: Port) -> dict[str, str]:
    """Log in as a browser does; return what its further requests say."""
    origin = {"Origin": f"http://127.0.0.1:{port.number}"}
    async with client.post("/login", data=FORM, headers=origin, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"]
    assert f"collections_supervisor_{port.number}=" in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie
    return origin


# --- reading -----------------------------------------------------------------------------------------


async def test_this_machine_may_read_without_the_token(client: aiohttp.ClientSession) -> None:
    for path in ("/", "/healthz", "/api/v1/fleet", "/api/v1/openapi.json", "/api/v1/events"):
        async with client.get(path) as answer:
            assert answer.status == 200
    async with client.head("/healthz") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_behind_a_proxy_nobody_reads_without_the_token(client: aiohttp.ClientSession, header: str) -> None:
    assert (await refused(client, "GET", "/api/v1/fleet", headers={header: "for=192.0.2.1"}))[0] == 401
    async with client.get("/api/v1/fleet", headers={header: "x", **BEARER}) as answer:
        assert answer.status == 200


async def test_by_a_further_name_nobody_reads_without_the_token(client: aiohttp.ClientSession, port: Port) -> None:
    await port.use(port.rules(allowed_hosts=frozenset({"proxy.example.org"})))
    named = {"Host": "Proxy.Example.Org"}
    assert (await refused(client, "GET", "/api/v1/fleet", headers=named))[0] == 401
    async with client.get("/api/v1/fleet", headers={**named, **BEARER}) as answer:
        assert answer.status == 200


async def test_where_reading_is_not_public_the_page_leads_to_the_login(
    client: aiohttp.ClientSession, port: Port
) -> None:
    await port.use(port.rules(public_read=False))
    for path in ("/", "/api/v1/fleet", "/api/v1/events", "/api/v1/nothing"):
        assert (await refused(client, "GET", path))[0] == 401
    for path in ("/healthz", "/readyz"):
        async with client.get(path) as answer:
            assert answer.status == 200
    async with client.get("/", headers={"Accept": "text/html"}) as answer:
        assert answer.url.path == "/login"
        assert "<form" in await answer.text()
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    await login(client, port)
    async with client.get("/", headers={"Accept": "text/html"}) as answer:
        assert (answer.url.path, await answer.read()) == ("/", port.control.page + b"<!-- acting -->")


# --- acting ------------------------------------------------------------------------------------------


async def test_what_changes_anything_needs_the_token(client: aiohttp.ClientSession, port: Port) -> None:
    for method, path in (
        ("POST", "/api/v1/check"),
        ("POST", "/api/v1/dashboard"),
        ("POST", "/api/v1/agents/mailer/restart"),
        ("DELETE", "/api/v1/silences/s1"),
        ("PUT", "/api/v1/fleet"),
    ):
        assert (await refused(client, method, path))[0] == 401
        assert (await refused(client, method, path, headers={"Authorization": "Basic YTpi"}))[0] == 401
    assert not port.acted
    async with client.post("/api/v1/agents/mailer/restart", headers=BEARER) as answer:
        assert answer.status == 202
    assert port.control.asked == [("restart", "mailer", "http 127.0.0.1")]


async def test_wrong_tokens_are_counted_and_then_not_looked_at(client: aiohttp.ClientSession, port: Port) -> None:
    for _ in range(PER_PEER):
        wrong = {"Authorization": "Bearer wrong"}
        assert await refused(client, "POST", "/api/v1/check", headers=wrong) == (401, None)
    async with client.post("/api/v1/check", headers=BEARER) as answer:
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert answer.content_type == "application/problem+json"
    assert (await refused(client, "POST", "/login", data=FORM))[0] == 429
    assert not port.acted
    async with client.get("/api/v1/fleet") as answer:
        assert answer.status == 200


async def test_a_token_that_nobody_can_guess_is_taken_whatever_others_try(
    client: aiohttp.ClientSession, port: Port
) -> None:
    port.token.write_text("x" * 20)
    for _ in range(2 * PER_PEER):
        await refused(client, "POST", "/api/v1/check", headers={"Authorization": "Bearer wrong"})
    async with client.post("/api/v1/check", headers={"Authorization": f"Bearer {'x' * 20}"}) as answer:
        assert answer.status == 200


async def test_many_wrong_tokens_at_once_are_no_way_around_it(client: aiohttp.ClientSession) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    tries = [refused(client, "POST", "/api/v1/check", headers=wrong) for _ in range(40)]
    statuses = [status for status, _ in await asyncio.gather(*tries)]
    assert (statuses.count(401), statuses.count(429)) == (PER_PEER, 40 - PER_PEER)


async def test_a_new_token_counts_at_once(client: aiohttp.ClientSession, port: Port) -> None:
    origin = await login(client, port)
    port.token.write_text("another", "utf-8")
    assert (await refused(client, "POST", "/api/v1/check", headers=BEARER))[0] == 401
    assert (await refused(client, "POST", "/api/v1/check", json={}, headers=origin))[0] == 401
    async with client.post("/api/v1/check", headers={"Authorization": "Bearer another"}) as answer:
        assert answer.status == 200


async def test_without_a_token_nothing_can_be_changed(client: aiohttp.ClientSession, port: Port) -> None:
    await port.use(port.rules(token=None))
    assert (await refused(client, "POST", "/api/v1/check"))[0] == 403
    assert (await refused(client, "POST", "/api/v1/check", headers=BEARER))[0] == 403
    assert (await refused(client, "POST", "/login", data=FORM))[0] == 403
    assert not port.acted


async def test_a_token_that_can_not_be_read_is_said(
    client: aiohttp.ClientSession, port: Port, caplog: pytest.LogCaptureFixture
) -> None:
    port.token.unlink()
    assert (await refused(client, "POST", "/api/v1/check", headers=BEARER))[0] == 503
    assert "No such file" in caplog.text
    assert not port.acted


# --- a browser ---------------------------------------------------------------------------------------


async def test_who_has_logged_in_acts_by_name_until_the_logout(client: aiohttp.ClientSession, port: Port) -> None:
    origin = await login(client, port)
    async with client.post("/api/v1/agents/mailer/hold", json={}, headers=origin) as answer:
        assert answer.status == 200
    assert port.control.asked[-1][-2] == "Ann Other"
    async with client.post("/api/v1/agents/mailer/hold", json={"by": "root\x1b[2J"}, headers=origin) as answer:
        assert answer.status == 200
    assert port.control.asked[-1][-2] == "root\N{REPLACEMENT CHARACTER}[2J (by Ann Other)"
    async with client.delete("/api/v1/silences/s1", headers=origin) as answer:
        assert answer.status == 404
    cookies = {cookie.key: cookie.value for cookie in client.cookie_jar}
    async with client.post("/logout", headers=origin, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert not [*client.cookie_jar]
    stolen = {"Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items()), **origin}
    assert (await refused(client, "POST", "/api/v1/check", json={}, headers=stolen))[0] == 401


async def test_the_login_speaks_as_the_page_does(port: Port) -> None:
    await port.use(port.rules(language="es"))
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{port.number}") as client,
        client.post("/login", data={"token": "wrong"}, headers={"Accept": "text/html"}) as answer,
    ):
        page = await answer.text()
    assert '<html lang="es">' in page
    assert "esta no es la clave" in page
    assert "Entrar" in page
    assert "Log in" not in page


async def test_the_form_says_what_is_wrong(client: aiohttp.ClientSession) -> None:
    html = {"Accept": "text/html"}
    async with client.post("/login", data={"token": "<wrong>"}, headers=html) as answer:
        assert (answer.status, answer.content_type) == (401, "text/html")
        assert "this is not the token" in await answer.text()
    assert (await refused(client, "POST", "/login", data={"token": "wrong"}))[0] == 401
    assert (await refused(client, "POST", "/login", json={"token": TOKEN}))[0] == 415
    assert (await refused(client, "POST", "/login", data=b"token=%FF&a", headers={"Content-Type": URLENCODED}))[
        0
    ] == 401
    broken = {"Content-Type": f"{URLENCODED}; charset=nonsense"}
    assert (await refused(client, "POST", "/login", data=b"token=x", headers=broken))[0] == 400
    too_much = b"token=" + b"x" * 70_000
    assert (await refused(client, "POST", "/login", data=too_much, headers={"Content-Type": URLENCODED}))[0] == 413


URLENCODED = "application/x-www-form-urlencoded"


async def test_behind_tls_the_cookie_is_for_tls_only(client: aiohttp.ClientSession, port: Port) -> None:
    await port.use(port.rules(allowed_hosts=frozenset({"proxy.example.org"})))
    named = {"Host": "proxy.example.org", "Origin": "https://proxy.example.org"}
    async with client.post("/login", data=FORM, headers=named, allow_redirects=False) as answer:
        assert answer.status == 303
        assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example", "", "*"]
)
async def test_other_sites_may_not_change_anything(client: aiohttp.ClientSession, port: Port, origin: str) -> None:
    await login(client, port)
    foreign = {"Origin": origin}
    assert await refused(client, "POST", "/api/v1/check", json={}, headers=foreign) == (403, "Origin")
    assert await refused(client, "POST", "/api/v1/check", headers={**foreign, **BEARER}) == (403, "Origin")
    assert await refused(client, "DELETE", "/api/v1/silences/s1", headers=foreign) == (403, "Origin")
    assert await refused(client, "POST", "/login", data=FORM, headers=foreign) == (403, "Origin")
    assert await refused(client, "POST", "/logout", headers=foreign) == (403, "Origin")
    assert not port.acted


async def test_with_the_cookie_a_request_says_its_origin_and_is_json(client: aiohttp.ClientSession, port: Port) -> None:
    origin = await login(client, port)
    assert await refused(client, "POST", "/api/v1/check", json={}) == (403, "Origin")
    assert await refused(client, "POST", "/api/v1/check", data={}, headers=origin) == (415, "Content-Type")
    form = {**origin, "Content-Type": "text/plain"}
    assert await refused(client, "POST", "/api/v1/check", data=b"{}", headers=form) == (415, "Content-Type")
    assert not port.acted


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{}", "127.0.0.1.evil.example", "127.0.0.2", "", "[::1", "localhost:x", "a b"]
)
async def test_a_foreign_host_is_refused_whatever_it_asks(port: Port, host: str) -> None:
    for request in ("GET /healthz", "GET /api/v1/fleet", "POST /api/v1/check", "GET /login", "GET /nothing"):
        lines = f"{request} HTTP/1.1\r\nHost: {host.format(port.number)}\r\nConnection: close\r\n"
        answer = await port.raw(f"{lines}Authorization: Bearer x\r\n\r\n".encode())
        assert answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 "))
        assert b"application/problem+json" in answer
    assert not port.acted


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80"])
async def test_by_a_local_name_it_is_served(port: Port, host: str) -> None:
    answer = await port.raw(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_without_a_host_or_with_two_nothing_is_served(port: Port) -> None:
    for lines in ("", "Host: localhost\r\nHost: evil.example\r\n"):
        answer = await port.raw(f"GET /healthz HTTP/1.0\r\n{lines}\r\n".encode())
        assert answer.split()[1] in {b"400", b"403"}


# --- hostile -----------------------------------------------------------------------------------------


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


# --- the port ----------------------------------------------------------------------------------------


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
