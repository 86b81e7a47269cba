"""One GET to a real server, and never a word of the address in what is said of it."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from supervisor.credentials import Credential
from supervisor.faces import ping
from supervisor.faces.ping import HttpPing
from tests.support.receiver import receiving

SECRET = "0b5c3f2e-uuid"


async def test_a_ping_that_arrives() -> None:
    async with receiving() as receiver:
        assert await HttpPing(f"{receiver.url}/{SECRET}").send() is None
    assert [(got.method, got.path) for got in receiver.got] == [("GET", f"/hook/{SECRET}")]
    assert receiver.got[0].headers["User-Agent"] == "collections-supervisor"


async def test_the_address_may_be_kept_in_a_file_and_is_read_each_time(tmp_path: Path) -> None:
    place = tmp_path / "ping.url"
    pinging = HttpPing(Credential("file", str(place)))
    assert await pinging.send() == f"{place}: No such file or directory"
    async with receiving() as receiver:
        place.write_text(f"{receiver.url}/{SECRET}\n")
        assert await pinging.send() is None
    for wrong in (SECRET, "ftp://example.org/x", "http://[/", "http://"):
        place.write_text(wrong)
        assert await pinging.send() == "what is configured is no http or https address"


async def test_what_goes_wrong_is_said_without_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str | None] = []
    async with receiving() as receiver:
        pinging = HttpPing(f"{receiver.url}/{SECRET}")
        receiver.says(500)
        said.append(await pinging.send())
        receiver.resets()
        said.append(await pinging.send())
        receiver.hangs()
        monkeypatch.setattr(ping, "_TIMEOUT", aiohttp.ClientTimeout(total=0.05))
        said.append(await pinging.send())
    said.append(await pinging.send())
    port = receiver.url.partition(":")[2].partition(":")[2].partition("/")[0]
    assert said == [
        "127.0.0.1 answered HTTP 500",
        "127.0.0.1: ServerDisconnectedError",
        "127.0.0.1 did not answer within 0.05 s",
        f"no connection to 127.0.0.1:{port}: Connect call failed ('127.0.0.1', {port})",
    ]
