"""The API of a real daemon over real connections: true to its description, moved by its configuration, hard to hurt."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.support.needs import missing
from tests.support.nursery import Nursery
from tests.support.port import free_port
from tests.support.town import Town

ROOT = Path(__file__).parents[2]
TOKEN = "sesame"
STREAMS, SLOW = 500, 100
LATEST = 0.25
"""A generous bound (s) for the median answer while 600 clients hold on; tests/benchmarks has the figure."""


def config(port: int, more: str = "") -> str:
    agents = "".join(f'[agents.{name}]\nheartbeat_timeout = "1h"\n' for name in ("mailer", "watcher"))
    channel = '[channels.record]\nkind = "file"\npath = "record.jsonl"\n'
    return f'[http]\nlisten = "127.0.0.1:{port}"\ntoken_file = "token"\n{more}\n{agents}{channel}'


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    with Nursery() as nursery:
        town = Town(tmp_path, nursery)
        (tmp_path / "token").write_text(TOKEN)
        yield town
        if town.pid:
            await town.stop(signal.SIGKILL)


async def served(town: Town, port: int, more: str = "") -> str:
    """Start the daemon; return where its API is."""
    town.configure(config(port, more))
    (town.beats / "mailer").touch()
    await town.start()
    await town.logged("http_listening", address=f"127.0.0.1:{port}")
    return f"http://127.0.0.1:{port}"


async def test_schemathesis_finds_nothing(town: Town) -> None:
    base = await served(town, free_port(), 'public_url = "https://supervisor.example.org"')
    command = Path(sys.executable).with_name("schemathesis")
    done = await asyncio.to_thread(
        subprocess.run,
        [
            command,
            "run",
            f"{base}/api/v1/openapi.json",
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--generation-deterministic"),
            *("--request-timeout", "20"),
            # It asks with wrong tokens, and soon the right one is not looked at either: tests/faces/test_door.py.
            *("--exclude-checks", "ignored_auth"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=town.folder,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    (tested,) = re.findall(r"Tested: (\d+)", done.stdout)
    assert int(tested) >= 26
    limited = done.stdout.partition("Rate limited: ")[2].partition("\n\n")[0]
    assert set(re.findall(r"- (.+)", limited)) <= {"GET /ack/{token}", "POST /ack/{token}"}  # it has no link
    assert town.log("library_reported") == []
    assert town.log("service_failed") == []


async def test_a_changed_configuration_moves_the_port(town: Town) -> None:
    first, second = free_port(), free_port()
    base = await served(town, first)
    town.configure(config(second))
    await town.logged("http_listening", address=f"127.0.0.1:{second}")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(f"{base}/healthz")
        async with session.get(f"http://127.0.0.1:{second}/healthz") as answer:
            assert answer.status == 200
    town.configure(config(second).replace("[http]\nlisten", "[http]\n# listen"))
    await town.wait(lambda: len(town.log("config_reloaded")) > 1, "config_reloaded")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", second)) != 0


async def test_a_port_that_is_taken_is_one_line_and_supervision_goes_on(town: Town) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        town.configure(config(port))
        (town.beats / "mailer").touch()
        await town.start()
        await town.logged("health_changed", agent="mailer", new="healthy")
        failed = await town.logged("http_failed")
        assert (failed["address"], failed["error"]) == (f"127.0.0.1:{port}", "Address already in use")
        assert town.state("mailer")["status"] == "healthy"
    await town.logged("http_listening")
    assert len(town.log("http_failed")) == 1


async def test_many_streams_and_slow_clients_delay_nobody(town: Town) -> None:
    base = await served(town, free_port())
    address = base.removeprefix("http://").split(":")
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60))
        )
        owner = await stack.enter_async_context(
            aiohttp.ClientSession("http://x", connector=aiohttp.UnixConnector(str(town.folder / "control.sock")))
        )
        streams = [
            await stack.enter_async_context(session.get(f"{base}/api/v1/events?follow=1")) for _ in range(STREAMS)
        ]
        assert {stream.status for stream in streams} == {200}
        slow = [await asyncio.open_connection(*address) for _ in range(SLOW)]
        for _, writer in slow:
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Never: ")
        lengths = []
        for number in range(40):
            with (town.beats / "watcher.log").open("a") as log:
                log.write(json.dumps({"timestamp": time.time(), "kind": "log", "message": f"note {number}"}) + "\n")
            begin = time.perf_counter()
            async with owner.get("/healthz") as answer:
                assert answer.status == 200
            lengths.append(time.perf_counter() - begin)
            await asyncio.sleep(0.05)
        assert statistics.median(lengths) < LATEST
        # Nobody who follows has missed anything.
        (hold,) = [record for record in await hold_mailer(owner) if record]
        last = await asyncio.gather(*(until(stream, hold) for stream in streams))
        assert last == [True] * STREAMS
        # The slow ones are told so, and are gone.
        answers = await asyncio.gather(*(asyncio.wait_for(reader.read(), 30) for reader, _ in slow))
        assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
        for _, writer in slow:
            writer.close()
    assert town.log("gate_closed", reason="loop_stalled") == []


async def hold_mailer(owner: aiohttp.ClientSession) -> list[str]:
    async with owner.post("/api/v1/agents/mailer/hold", json={"by": "the last of all"}) as answer:
        assert answer.status == 200
    return ["the last of all"]


async def until(stream: aiohttp.ClientResponse, text: str) -> bool:
    """Read until a line has this text."""
    async with asyncio.timeout(60):
        async for line in stream.content:
            if text.encode() in line:
                return True
    return False


def examples() -> list[str]:
    """Return the README's curl commands, each in one line."""
    text = (ROOT / "README.md").read_text("utf-8").replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip().startswith("curl ")]


async def test_the_readmes_curl_commands_work(town: Town) -> None:
    if shutil.which("curl") is None:
        missing("curl", "it is not installed")
    port = free_port()
    await served(town, port)
    async with aiohttp.ClientSession(
        "http://x", connector=aiohttp.UnixConnector(str(town.folder / "control.sock"))
    ) as owner:
        # The README's agent is another, and its incident has an id that nobody can know.
        assert len(examples()) >= 6
        for line in examples():
            command = line.replace("$SOCK", str(town.folder / "control.sock")).replace("payment-watcher", "mailer")
            command = command.replace("127.0.0.1:8787", f"127.0.0.1:{port}").replace("$TOKEN", TOKEN)
            words = [
                *shlex.split(command.partition(" |")[0].partition("  #")[0]),
                "--fail-with-body",
                "--max-time",
                "5",
            ]
            done = await asyncio.to_thread(
                subprocess.run, words, capture_output=True, text=True, check=False, env={**os.environ, "NO_PROXY": "*"}
            )
            followed = "follow=1" in line and done.returncode == 28  # it goes on until it is stopped
            assert done.returncode == 0 or followed, (line, done.stdout, done.stderr)
        async with owner.get("/api/v1/agents/mailer") as answer:
            assert (await answer.json())["held_until"] is not None
