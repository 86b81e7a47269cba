"""The control socket itself."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from supervisor.faces.http import HttpFace
from supervisor.faces.listening import listen
from supervisor.ports import StoreError
from tests.support.asking import refused
from tests.support.control import WATCHES, MemoryControl


@pytest.mark.parametrize("umask", [0o000, 0o777])
async def test_only_the_owner_may_open_it_whatever_the_umask(
    control: MemoryControl, tmp_path: Path, umask: int
) -> None:
    path = tmp_path / "run" / "control.sock"
    path.parent.mkdir(mode=0o700)
    before = os.umask(umask)
    try:
        served = HttpFace(control, path, "1", WATCHES)
        await served.start()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["control.sock"]
    connection = UnixConnection(path)
    answer = await asyncio.to_thread(connection.answer, "/healthz")
    assert answer["status"] == "ok"
    await served.close()


async def test_its_folder_is_made_for_the_owner_alone(face: Path) -> None:
    assert stat.S_IMODE(face.parent.stat().st_mode) == 0o700


async def test_a_dead_socket_is_replaced_and_a_live_one_is_not(control: MemoryControl, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    dead = listen(path)
    dead.socket.close()
    assert path.is_socket()
    served = HttpFace(control, path, "1", WATCHES)
    await served.start()
    with pytest.raises(OSError, match="another process listens there"):
        await HttpFace(control, path, "2", WATCHES).start()
    assert (await asyncio.to_thread(UnixConnection(path).answer, "/healthz"))["version"] == "1"
    await served.close()


async def test_a_successors_socket_is_left_alone(control: MemoryControl, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    served = HttpFace(control, path, "1", WATCHES)
    await served.start()
    path.unlink()
    successor = HttpFace(control, path, "2", WATCHES)
    await successor.start()
    await served.close()
    assert (await asyncio.to_thread(UnixConnection(path).answer, "/healthz"))["version"] == "2"
    await successor.close()


async def test_what_is_no_socket_is_left_alone(control: MemoryControl, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    served = HttpFace(control, path, "1", WATCHES)
    with pytest.raises(OSError, match="something that is no socket"):
        await served.start()
    await served.close()
    assert path.read_text() == "precious"


async def test_a_path_that_no_socket_can_have_is_said(control: MemoryControl, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="107 bytes at most"):
        await HttpFace(control, tmp_path / ("x" * 120) / "control.sock", "1", WATCHES).start()


class UnixConnection(http.client.HTTPConnection):
    """The standard library's client over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))

    def answer(self, path: str) -> Any:
        try:
            self.request("GET", path)
            return json.load(self.getresponse())
        finally:
            self.close()


async def test_prometheus_scrapes_it_in_the_format_that_it_asks_for(
    client: aiohttp.ClientSession, control: MemoryControl
) -> None:
    async with client.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'collections_agent_up{agent="mailer"} 1.0' in (await answer.text()).splitlines()
    async with client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}) as answer:
        assert answer.content_type == "application/openmetrics-text"
        assert (await answer.text()).endswith("# EOF\n")
    control.broken = StoreError("the disk is gone")
    assert (await refused(client, "GET", "/metrics"))[0] == 503
