"""The `webhook` channel against a real HTTP server."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.delivery import Delivered, Failed, Outcome
from supervisor.notifiers import webhook
from supervisor.notifiers.webhook import signature
from tests.support.deliveries import delivery, failed
from tests.support.receiver import Receiver


async def post(url: str, **keys: Any) -> Outcome:
    notifier = webhook.Notifier(webhook.Config.model_validate({"url": url, "timeout": "5s", **keys}), name="ops")
    try:
        return await notifier.send(delivery())
    finally:
        await notifier.close()


async def test_a_request_says_what_it_is(receiver: Receiver) -> None:
    assert await post(receiver.url, headers={"X-Team": "collections"}) == Delivered()
    (got,) = receiver.got
    assert (got.method, got.path) == ("POST", "/hook")
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Idempotency-Key"] == delivery().id
    assert got.headers["X-Team"] == "collections"
    assert "Authorization" not in got.headers
    assert webhook.SIGNATURE not in got.headers
    assert json.loads(got.body) == delivery().message


async def test_a_signed_request_can_be_verified_and_its_secret_changed(receiver: Receiver, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    config = webhook.Config(url=receiver.url, secret_file=secret)
    notifier = webhook.Notifier(config, name="ops")
    for key in ("first", "second"):
        secret.write_text(f"{key}\n")
        assert await notifier.send(delivery()) == Delivered()
        header = receiver.got[-1].headers[webhook.SIGNATURE]
        match = re.fullmatch(r"t=([0-9]+),v1=[0-9a-f]{64}", header)
        assert match is not None
        assert abs(int(match[1]) - time.time()) < 60
        assert header == signature(receiver.got[-1].body, key, int(match[1]))
    await notifier.close()


async def test_a_token_is_sent_and_never_shown(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "hunter2")
    receiver.says(401, "the token hunter2 is wrong")
    config = webhook.Config(url=receiver.url, token_env="HOOK_TOKEN")
    notifier = webhook.Notifier(config, name="ops")
    outcome = failed(await notifier.send(delivery()))
    await notifier.close()
    assert receiver.got[0].headers["Authorization"] == "Bearer hunter2"
    assert outcome == Failed("HTTP 401: the token [redacted] is wrong", permanent=True)
    assert "hunter2" not in repr(config) + repr(vars(notifier))


async def test_a_secret_that_is_not_there_sends_nothing(receiver: Receiver, tmp_path: Path) -> None:
    outcome = failed(await post(receiver.url, secret_file=tmp_path / "none"))
    assert outcome.permanent
    assert str(tmp_path / "none") in outcome.error
    assert receiver.got == []


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, None) for status in (200, 201, 202, 204)),
        *((status, True) for status in (301, 302, 307, 400, 401, 403, 404, 410, 422)),
        *((status, False) for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
async def test_a_status_says_whether_to_try_again(receiver: Receiver, status: int, permanent: bool | None) -> None:
    receiver.says(status, Location=receiver.url)
    outcome = await post(receiver.url)
    if permanent is None:
        assert outcome == Delivered()
    else:
        assert failed(outcome).permanent is permanent
        assert failed(outcome).error == f"HTTP {status}"
    assert len(receiver.got) == 1


async def test_a_server_may_name_its_wait(receiver: Receiver) -> None:
    receiver.says(429, "slow down", Retry_After="120")
    assert await post(receiver.url) == Failed("HTTP 429: slow down", retry_after=120.0)
    receiver.says(503, Retry_After=formatdate(time.time() + 90, usegmt=True))
    wait = failed(await post(receiver.url)).retry_after
    assert wait is not None
    assert 60 < wait <= 90
    receiver.says(503, Retry_After="a while")
    assert failed(await post(receiver.url)).retry_after is None
    receiver.says(404, Retry_After="120")
    assert failed(await post(receiver.url)) == Failed("HTTP 404", permanent=True)


async def test_a_long_answer_is_quoted_in_part_and_as_data(receiver: Receiver) -> None:
    receiver.says(500, "\x1b[2J\n" + "x" * 1_000_000)
    error = failed(await post(receiver.url)).error
    assert len(error) < 600
    assert error.isprintable()


async def test_a_server_that_hangs_is_left(receiver: Receiver) -> None:
    receiver.hangs()
    began = time.monotonic()
    assert await post(receiver.url, timeout="500ms") == Failed("no answer within 0.5 s")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, Delivered()), (503, Failed("HTTP 503")), (404, Failed("HTTP 404", permanent=True))],
)
async def test_a_body_that_does_not_come_is_not_waited_for(receiver: Receiver, status: int, outcome: Outcome) -> None:
    receiver.dribbles(status)
    began = time.monotonic()
    assert await post(receiver.url, timeout="30s") == outcome
    assert time.monotonic() - began < 10


async def test_a_connection_that_breaks_or_is_not_taken_is_a_passing_fault(receiver: Receiver) -> None:
    receiver.resets()
    outcome = failed(await post(receiver.url))
    assert (outcome.permanent, len(receiver.got)) == (False, 1)
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))  # taken, but nobody listens
        outcome = failed(await post(f"http://127.0.0.1:{bound.getsockname()[1]}/"))
    assert not outcome.permanent
    assert "127.0.0.1" in outcome.error


async def test_what_answers_no_http_is_a_passing_fault() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        assert not failed(await post(f"http://{host}:{port}/")).permanent


async def test_one_session_serves_many_tries_and_is_closed(receiver: Receiver) -> None:
    notifier = webhook.Notifier(webhook.Config(url=receiver.url), name="ops")
    outcomes = await asyncio.gather(*(notifier.send(delivery(f"INC-{number}")) for number in range(20)))
    assert outcomes == [Delivered()] * 20
    assert sorted(got.headers["Idempotency-Key"] for got in receiver.got) == sorted(f"INC-{n}" for n in range(20))
    await notifier.close()
    assert await notifier.send(delivery()) == Delivered()
    await notifier.close()


async def test_a_server_that_is_gone_for_a_while_is_reached_again(receiver: Receiver) -> None:
    notifier = webhook.Notifier(webhook.Config(url=receiver.url), name="ops")
    assert await notifier.send(delivery()) == Delivered()
    receiver.resets()
    assert isinstance(await notifier.send(delivery()), Failed)
    receiver.says(200)
    assert await notifier.send(delivery()) == Delivered()
    await notifier.close()
