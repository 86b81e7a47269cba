"""Real processes, disks and clocks: on a busy machine one may be late. A test has failed when it fails three times.

Not so where the law is that nothing is lost or doubled: there one failure is one too many.

The town and the receiver are for whoever needs no others.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.installed import CONFIGURATION, SERVICE, UNITS, Installed, installed
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


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    with installed(tmp_path_factory.mktemp("machine")) as found:
        yield found


@pytest.fixture
def machine(place: Installed) -> Iterator[Installed]:
    """The machine that runs systemd, with the units in place, a configuration, and nothing running or remembered."""
    place.configure(CONFIGURATION)
    place.command("install-unit")
    yield place
    place.run("systemctl", "stop", SERVICE, "collections-alert@*", "agent@*", "ear", check=False)  # some are not there
    place.run("systemctl", "reset-failed")
    for name in (SERVICE, "agent@mailer.service", "collections-alert@.service"):
        place.run("rm", "-rf", f"/{UNITS}/{name}.d")
    place.run("sh", "-c", "rm -rf /var/lib/collections-supervisor/* /var/cache/novotechno-collections/*/* /run/heard")
    place.run("sh", "-c", "rm -rf /home/agent /root/.[a-z]* /root/*")
