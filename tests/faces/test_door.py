"""The door of the TCP listener, over real connections: who is let in to read and to act."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from supervisor.faces.api.sessions import PER_PEER
from tests.support.port import BEARER, FORM, Port, login, refused

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
