"""The door before a browser: the login, its cookie, other sites, foreign hosts."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support.port import BEARER, FORM, TOKEN, URLENCODED, Port, login, refused


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
