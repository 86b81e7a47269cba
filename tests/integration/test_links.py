"""Links in real mails and webhooks of a real daemon: followed by a program, and by a person with a phone."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
from aiohttp import web
from playwright.sync_api import expect

from tests.support.browser import chromium, tab
from tests.support.mailserver import serving, trust
from tests.support.nursery import Nursery
from tests.support.port import free_port
from tests.support.receiver import Receiver, answer
from tests.support.town import Town

CONFIG = """
[http]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"
public_read = false
token_file = "token"
[agents.worker]
heartbeat_timeout = "1s"
check_interval = "1s"
[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {mail}
ca_file = "ca.pem"
from = "sup@example.org"
to = ["ann@example.org"]
[channels.hook]
kind = "webhook"
url = "{hook}"
[channels.record]
kind = "file"
path = "record.jsonl"
[escalation]
chain = [{{ channel = "mail" }}, {{ channel = "hook" }}, {{ channel = "record" }}]
"""


TELLTALES = """
[http]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"
[agents.worker]
heartbeat_timeout = "1s"
check_interval = "1s"
[channels.program]
kind = "command"
command = ["sh", "-c", "cat >&2; exit 70"]
[channels.hook]
kind = "webhook"
url = "{hook}"
[channels.record]
kind = "file"
path = "record.jsonl"
[escalation]
chain = [{{ channel = "program" }}, {{ channel = "hook" }}, {{ channel = "record" }}]
"""


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    with Nursery() as nursery:
        town = Town(tmp_path, nursery)
        (tmp_path / "token").write_text("sesame")
        trust(tmp_path)
        yield town
        if town.pid:
            await town.stop(signal.SIGKILL)


async def told(town: Town, receiver: Receiver) -> tuple[str, str]:
    """Let a worker fall silent; return the links in the mail and in the webhook."""
    async with serving() as server:
        town.configure(CONFIG.format(port=free_port(), mail=server.port, hook=receiver.url))
        (town.beats / "worker").touch()
        await town.start()
        await town.wait(lambda: bool(server.mails and receiver.got), "mail and webhook")
        await town.logged("notification_sent", channel="record")
        found = re.search(r"or here: (\S+)", server.mails[0].get_content())
    assert found is not None
    return found[1], json.loads(receiver.got[0].body)["ack_url"]


async def test_a_program_follows_the_link_of_a_webhook_and_a_scanner_that_of_a_mail(
    town: Town, receiver: Receiver
) -> None:
    mail, hook = await told(town, receiver)
    assert "ack_url" not in (town.folder / "record.jsonl").read_text()
    async with aiohttp.ClientSession() as session:
        async with session.get(mail) as answer:
            assert answer.status == 200
        assert town.log("incident_acknowledged") == []
        async with session.post(hook, data={"List-Unsubscribe": "One-Click"}) as answer:
            assert answer.status == 200
        assert [record["by"] for record in town.log("incident_acknowledged")] == ["link sent through hook"]
        (town.beats / "worker").touch()
        await town.logged("incident_resolved", key="worker:heartbeat")
        async with session.post(mail) as answer:
            assert answer.status == 410
        journal = b"".join(path.read_bytes() for path in (town.folder / "data").glob("journal.db*"))
        assert hook.rpartition("/")[2].encode() not in journal  # a link is a right: it stands in messages alone


async def test_who_answers_with_what_was_sent_tells_nobody_the_link(town: Town, receiver: Receiver) -> None:
    async def echo(_: web.Request) -> web.Response:
        return await answer(400, receiver.got[-1].body.decode()[-300:])

    receiver.behave, port = echo, free_port()
    town.configure(TELLTALES.format(port=port, hook=receiver.url))
    (town.beats / "worker").touch()
    await town.start()
    errors = [(await town.logged("notification_failed", channel=name))["error"] for name in ("program", "hook")]
    assert all("***" in error for error in errors), errors
    token = json.loads(receiver.got[0].body)["ack_url"].rpartition("/")[2]
    await town.logged("notification_sent", channel="record")
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as page:
        seen = await page.text()
    assert "does not deliver" in seen
    await town.stop()
    kept = b"".join(path.read_bytes() for path in town.folder.rglob("*") if path.is_file())
    signature = token.rpartition(".")[2]
    assert not [place for place in range(len(signature) - 7) if signature[place : place + 8] in seen]
    assert not [place for place in range(len(signature) - 7) if signature[place : place + 8].encode() in kept]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_person_follows_the_link_of_a_mail_on_a_phone(
    town: Town, receiver: Receiver, scheme: Literal["light", "dark"]
) -> None:
    mail, _ = await told(town, receiver)

    def story() -> None:
        with chromium() as browser, tab(browser, width=390, color_scheme=scheme, bypass_csp=True) as opened:
            page = opened.page
            page.goto(mail)
            expect(page.get_by_text("worker: no heartbeat")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert opened.violations() == []
            page.screenshot(path=str(town.folder / "asks.png"))
            page.get_by_role("button", name="Acknowledge").click()
            expect(page.get_by_role("alert")).to_have_text("Acknowledged.")
            expect(page.get_by_text("link sent through mail looks after it until")).to_be_visible()
            assert opened.violations() == []
            assert {url for url in opened.asked if url != mail} == set()
            page.screenshot(path=str(town.folder / "done.png"))

    await asyncio.to_thread(story)
    assert [record["by"] for record in town.log("incident_acknowledged")] == ["link sent through mail"]
