"""Real processes, disks and clocks: on a busy machine one may be late. A test has failed when it fails three times.

Not so where the law is that nothing is lost or doubled: there one failure is one too many.

The town and the receiver are for whoever needs no others.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.nursery import Nursery
from tests.support.receiver import Receiver, receiving
from tests.support.town import Town

HERE = Path(__file__).parent
STRICT = {"journal", "test_openclaw.py", "test_crash.py", "test_restart_command.py", "test_restart_managed.py"}
"""By folder or by file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and item.path.relative_to(HERE).parts[0] not in STRICT:
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
async def town(tmp_path: Path, nursery: Nursery) -> AsyncIterator[Town]:
    town = Town(tmp_path, nursery)
    yield town
    if town.pid:
        await town.stop(signal.SIGKILL)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
