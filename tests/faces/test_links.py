"""Where links in messages lead, over real connections: looking changes nothing, the POST acknowledges."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from supervisor.domain.actions import Severity
from supervisor.domain.escalation import IncidentState
from supervisor.faces.api import sessions
from supervisor.links import GOOD_FOR, PATH, AckLinks
from tests.support.control import NOW, MemoryControl, agent
from tests.support.port import Port

HTML = {"Accept": "text/html"}
BY = "link sent through ops"


@pytest.fixture
def links(tmp_path: Path) -> AckLinks:
    return AckLinks("https://supervisor.example.org", tmp_path / "ack.key")


@pytest.fixture
async def port(tmp_path: Path, links: AckLinks) -> AsyncIterator[Port]:
    port = Port(MemoryControl(agent("mailer")), tmp_path)
    await port.face.start()
    hosts = frozenset({"supervisor.example.org"})
    await port.use(port.rules(links=links, allowed_hosts=hosts, public_read=False))
    yield port
    await port.face.close()


@pytest.fixture
async def client(port: Port) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port.number}") as session:
        yield session


async def path(links: AckLinks, *incidents: str, made_at: float | None = None) -> str:
    url = await links.url("ops", incidents, time.time() if made_at is None else made_at)
    return url.removeprefix(links.public_url)


async def test_looking_changes_nothing_and_the_button_acknowledges(
    client: aiohttp.ClientSession, port: Port, links: AckLinks
) -> None:
    incident, other = port.control.open("mailer:heartbeat"), port.control.open("watcher:heartbeat")
    where = await path(links, incident.id)
    for method in ("GET", "HEAD", "GET"):
        async with client.request(method, where, headers=HTML) as answer:
            assert answer.status == 200
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
            page = await answer.text()
    assert "mailer:heartbeat is wrong" in page
    assert "It watches unattended agents" in page
    assert "the channel that this link was sent through." in page
    assert "<button>" in page
    assert "watcher" not in page
    assert not port.acted
    form = {"Origin": "https://elsewhere.example", **HTML}  # the token is the authority, not where it comes from
    async with client.post(where, data={"List-Unsubscribe": "One-Click"}, headers=form) as answer:
        assert answer.status == 200
        page = await answer.text()
    assert f"{BY} looks after it until" in page
    assert "<button>" not in page
    assert port.control.asked == [("ack", incident.id, BY, None)]
    assert [one.state for one in port.control.kept if one.id == other.id] == [IncidentState.TRIGGERED]


async def test_a_program_acknowledges_in_one_step_and_twice_is_no_error(
    client: aiohttp.ClientSession, port: Port, links: AckLinks
) -> None:
    incident = port.control.open("mailer:heartbeat")
    where = await path(links, incident.id)
    for _ in range(2):
        async with client.post(where, data=b"\xff whatever") as answer:
            assert (answer.status, await answer.json()) == (200, {"incidents": [incident.id]})
    assert port.control.asked == [("ack", incident.id, BY, None)]


@pytest.mark.claim("Who has a link of a message can acknowledge what that message tells of, and nothing else.")
async def test_the_link_of_a_group_takes_on_what_its_message_told_of(
    client: aiohttp.ClientSession, port: Port, links: AckLinks
) -> None:
    told = [port.control.open(f"a{number}:heartbeat") for number in range(12)]
    port.control.open("untold:heartbeat")
    port.control.kept[0] = replace(told[0], state=IncidentState.ACKNOWLEDGED, acked_by="ann", acked_until=NOW + 60)
    where = await path(links, *(one.id for one in told), "ffffffff")
    async with client.get(where, headers=HTML) as answer:
        page = await answer.text()
    assert page.count("<li>") == 10
    assert "and 2 more" in page
    assert "untold" not in page
    async with client.post(where) as answer:
        assert (await answer.json())["incidents"] == [one.id for one in told]
    assert [asked[1] for asked in port.control.asked] == [one.id for one in told[1:]]


@pytest.mark.parametrize("how", [{}, HTML])
async def test_what_is_over_or_no_link_is_said(
    client: aiohttp.ClientSession, port: Port, links: AckLinks, how: dict[str, str]
) -> None:
    incident = port.control.open("mailer:heartbeat")
    right = await path(links, incident.id)
    port.control.kept.clear()
    for where, status, words in ((right, 410, "what this link was for is over"), (f"{PATH}x", 404, "no link of ours")):
        for method in ("GET", "POST"):
            async with client.request(method, where, headers=how) as answer:
                assert answer.status == status
                assert answer.content_type == ("text/html" if how else "application/problem+json")
                assert words in await answer.text()
    assert not port.acted


async def test_an_old_link_has_expired(client: aiohttp.ClientSession, port: Port, links: AckLinks) -> None:
    long_ago = time.time() - GOOD_FOR - 60
    incident = port.control.open("mailer:heartbeat", opened_at=long_ago)
    async with client.post(await path(links, incident.id, made_at=long_ago + 1)) as answer:
        assert answer.status == 410
        assert (await answer.json(content_type=None))["detail"] == "this link has expired"
    assert not port.acted
    async with client.post(await path(links, incident.id)) as answer:
        assert answer.status == 200


async def test_wrong_links_are_counted_and_hinder_neither_right_ones_nor_the_login(
    client: aiohttp.ClientSession, port: Port, links: AckLinks
) -> None:
    incident = port.control.open("mailer:heartbeat")
    where = await path(links, incident.id)
    statuses = []
    for _ in range(sessions.PER_PEER + 1):
        async with client.get(f"{where}x") as answer:
            statuses.append(answer.status)
    assert statuses == [404] * sessions.PER_PEER + [429]
    assert int(answer.headers["Retry-After"]) > 0
    async with client.post(where) as answer:
        assert answer.status == 200
    async with client.post("/login", data={"token": "open sesame é"}, allow_redirects=False) as answer:
        assert answer.status == 303


async def test_it_is_served_under_its_public_name_and_no_other(
    client: aiohttp.ClientSession, port: Port, links: AckLinks
) -> None:
    where = await path(links, port.control.open("mailer:heartbeat").id)
    async with client.get(where, headers={"Host": "supervisor.example.org"}) as answer:
        assert answer.status == 200
    async with client.post(where, headers={"Host": "evil.example"}) as answer:
        assert answer.status == 403
    for method in ("PUT", "DELETE", "PATCH"):
        async with client.request(method, where) as answer:
            assert answer.status == 405
    async with client.get("/api/v1/fleet", headers={"Host": "supervisor.example.org"}) as answer:
        assert answer.status == 401
    assert not port.acted


async def test_hostile_words_are_text(client: aiohttp.ClientSession, port: Port, links: AckLinks) -> None:
    bad = port.control.open("mailer:heartbeat", Severity.WARNING, summary="<script>x</script>\udcff" + "y" * 60_000)
    async with client.get(await path(links, bad.id), headers=HTML) as answer:
        page = await answer.text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert len(page) < 5000


async def test_it_is_described_where_it_is_served(client: aiohttp.ClientSession, port: Port) -> None:
    async with client.get("/api/v1/openapi.json", headers={"Authorization": "Bearer open sesame é"}) as answer:
        told = json.loads(await answer.text())["paths"][f"{PATH}{{token}}"]
    assert told.keys() == {"get", "post"}
    assert "security" not in told["post"]
    assert "requestBody" not in told["post"]
    assert {"404", "410", "429"} <= told["post"]["responses"].keys()
    await port.use(port.rules())
    async with client.get("/api/v1/openapi.json") as answer:
        assert f"{PATH}{{token}}" not in json.loads(await answer.text())["paths"]


async def test_without_a_key_it_says_so_and_where_the_key_is_in_the_log_alone(
    client: aiohttp.ClientSession, links: AckLinks, caplog: pytest.LogCaptureFixture
) -> None:
    where = await path(links, "0a1b2c3d")
    links.key_file.write_bytes(b"")
    async with client.get(where) as answer:
        assert answer.status == 503
        problem = await answer.json(content_type=None)
    assert problem["detail"] == "links cannot be read now"
    async with client.get(where, headers=HTML) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
        page = await answer.text()
    assert "links cannot be read now" in page
    for said in (json.dumps(problem), page):
        assert "ack.key" not in said
    assert str(links.key_file) in caplog.text
