"""A face on a control socket, over a control in memory, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from supervisor.domain.health import HealthState
from supervisor.faces.http import HttpFace
from supervisor.ports import Control
from tests.support.control import WATCHES, MemoryControl, agent


@pytest.fixture
def control() -> MemoryControl:
    return MemoryControl(agent("mailer", restarter="command"), agent("watcher", HealthState.UNHEALTHY))


@pytest.fixture
async def face(control: Control, tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "run" / "control.sock"
    served = HttpFace(control, path, "1.2.3", WATCHES)
    await served.start()
    yield path
    await served.close()


@pytest.fixture
async def client(face: Path) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.UnixConnector(str(face))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
        yield session
