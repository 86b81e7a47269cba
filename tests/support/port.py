"""A face on a TCP port, and clients of it."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import aiohttp

from supervisor.credentials import Credential
from supervisor.domain.records import Record
from supervisor.faces.api.door import Rules
from supervisor.faces.http import HttpFace
from tests.support.control import WATCHES, MemoryControl

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


URLENCODED = "application/x-www-form-urlencoded"
