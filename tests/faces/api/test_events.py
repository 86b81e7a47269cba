"""The stream of events."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from supervisor.faces import streams, tail
from supervisor.faces.http import HttpFace
from tests.support.asking import ask, events, refused, until
from tests.support.control import JOURNAL_BROKEN, WATCHES, MemoryControl


async def test_history_ends_where_nobody_follows(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    control.record("heartbeat_missed", "mailer", consecutive_misses=1)
    control.record("gate_closed", reason="a\nb")
    async with client.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        found = await events(answer, 2)
        assert await answer.content.read() == b""
    assert [(number, event) for number, event, _ in found] == [(1, "heartbeat_missed"), (2, "gate_closed")]
    assert found[1][2]["reason"] == "a\nb"
    async with client.get("/api/v1/events", params={"agent": "mailer", "limit": "5"}) as answer:
        assert [event for _, event, _ in await events(answer, 1)] == ["heartbeat_missed"]


async def test_a_follower_gets_history_then_what_happens(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    for number in range(250):
        control.record("old", "mailer", number=number)
    async with client.get("/api/v1/events", params={"follow": "1"}) as answer:
        assert [number for number, _, _ in await events(answer, 250)] == list(range(1, 251))
        for _ in range(3):
            control.record("new", "watcher")
        assert [number for number, _, _ in await events(answer, 3)] == [251, 252, 253]
        control.record("later", "watcher")
        assert [event for _, event, _ in await events(answer, 1)] == ["later"]
    headers = {"Last-Event-ID": "252"}
    async with client.get("/api/v1/events", params={"follow": "1", "agent": "watcher"}, headers=headers) as answer:
        control.record("other", "mailer")
        control.record("own", "watcher")
        assert [number for number, _, _ in await events(answer, 3)] == [253, 254, 256]


@pytest.mark.parametrize("follow", ["1", "0"])
async def test_a_client_that_returns_has_missed_nothing_however_much_came(
    client: aiohttp.ClientSession, control: MemoryControl, follow: str
) -> None:
    for number in range(2500):
        control.record("old", "mailer", number=number)
    how: Any = {"params": {"follow": follow, "limit": "1"}, "headers": {"Last-Event-ID": "3"}}
    async with client.get("/api/v1/events", **how) as answer:
        assert [number for number, _, _ in await events(answer, 2497)] == list(range(4, 2501))


async def test_a_record_that_reaches_the_disk_late_is_sent(
    client: aiohttp.ClientSession, control: MemoryControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LOOKS", (0.0, 0.2, 0.2))
    async with client.get("/api/v1/events", params={"follow": "1"}) as answer:
        control.broken = JOURNAL_BROKEN
        control.record("late", "mailer")
        await asyncio.sleep(0.1)
        control.broken = None
        assert [event for _, event, _ in await events(answer, 1)] == ["late"]


async def test_silence_is_filled_with_comments(client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    async with client.get("/api/v1/events", params={"follow": "1"}) as answer:
        for said in (b"retry: 2000\n", b": nothing new\n", b": nothing new\n"):
            assert await asyncio.wait_for(answer.content.readline(), 10) == said
            await answer.content.readline()


@pytest.mark.parametrize("last", ["x", "-1", "", "9" * 30])
async def test_a_wrong_last_event_id_is_refused(client: aiohttp.ClientSession, last: str) -> None:
    how = {"headers": {"Last-Event-ID": last}}
    assert (await refused(client, "GET", "/api/v1/events", **how))[:2] == (400, "Last-Event-ID")


async def test_an_unreadable_journal_is_said_before_the_stream(
    client: aiohttp.ClientSession, control: MemoryControl
) -> None:
    control.broken = JOURNAL_BROKEN
    assert (await refused(client, "GET", "/api/v1/events?follow=1"))[0] == 503
    assert control.followers == set()


async def test_only_so_many_streams_are_open(
    client: aiohttp.ClientSession, control: MemoryControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_STREAMS", 1)
    monkeypatch.setattr(streams, "HEARTBEAT", 0.1)
    async with client.get("/api/v1/events", params={"follow": "1"}):
        assert (await refused(client, "GET", "/api/v1/events"))[0] == 503
    await until(lambda: not control.followers)
    assert (await ask(client, "GET", "/api/v1/events"))[0] == 200


async def test_a_client_that_reads_nothing_is_cut_off_and_hurts_nobody(
    face: Path, client: aiohttp.ClientSession, control: MemoryControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "WRITE_TIMEOUT", 0.3)
    for _ in range(300):
        control.record("noise", "mailer", text="x" * 10_000)
    _, writer = await asyncio.open_unix_connection(str(face), limit=1024)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /api/v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: bool(control.followers))
    assert (await ask(client, "GET", "/healthz"))[0] == 200
    await until(lambda: not control.followers)
    writer.close()


async def test_closing_ends_streams_and_takes_the_name_away(control: MemoryControl, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    served = HttpFace(control, path, "1", WATCHES)
    await served.start()
    async with (
        aiohttp.ClientSession("http://localhost", connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("/api/v1/events", params={"follow": "1"}) as answer,
    ):
        async with asyncio.timeout(4):
            await served.close()
        assert not path.exists()
        assert await answer.content.read() == b"retry: 2000\n\n"
    assert control.followers == set()
