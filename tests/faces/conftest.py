"""A face on a port, and a client of it that keeps cookies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.control import MemoryControl, agent
from tests.support.port import Port


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    port = Port(MemoryControl(agent("mailer", restarter="command")), tmp_path)
    await port.face.start()
    await port.use(port.rules())
    yield port
    await port.face.close()


@pytest.fixture
async def client(port: Port) -> AsyncIterator[aiohttp.ClientSession]:
    base = f"http://127.0.0.1:{port.number}"
    jar = aiohttp.CookieJar(unsafe=True)  # an address may have cookies, too
    async with aiohttp.ClientSession(base, cookie_jar=jar) as session:
        yield session
