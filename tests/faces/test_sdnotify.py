import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.faces.sdnotify import SystemdWatchdog
from supervisor.ports import Watchdog


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(5)
        listener.bind(path)
        yield listener, path


def test_fields_arrive_as_one_message(systemd: tuple[socket.socket, str]) -> None:
    listener, path = systemd
    watchdog: Watchdog = SystemdWatchdog({"NOTIFY_SOCKET": path})
    watchdog.notify(READY=1, STATUS="2 agents\nREADY=0  \n watched", MONOTONIC_USEC=12)
    assert listener.recv(4096) == b"READY=1\nSTATUS=2 agents READY=0 watched\nMONOTONIC_USEC=12"


def test_an_abstract_address() -> None:
    name = f"supervisor-test-{os.getpid()}-{os.urandom(4).hex()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(5)
        listener.bind(f"\0{name}")
        SystemdWatchdog({"NOTIFY_SOCKET": f"@{name}"}).notify(WATCHDOG=1)
        assert listener.recv(4096) == b"WATCHDOG=1"


def test_children_do_not_inherit_the_variables(systemd: tuple[socket.socket, str]) -> None:
    environ = {"NOTIFY_SOCKET": systemd[1], "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    SystemdWatchdog(environ)
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_without_systemd_nothing_is_said(address: str) -> None:
    SystemdWatchdog({"NOTIFY_SOCKET": address}).notify(READY=1)


def test_a_service_manager_that_is_gone_is_no_reason_to_fail(tmp_path: Path) -> None:
    SystemdWatchdog({"NOTIFY_SOCKET": str(tmp_path / "gone")}).notify(READY=1, STATUS="\ud800")


def test_a_service_manager_that_does_not_listen_holds_us_for_seconds_only(
    systemd: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.faces.sdnotify._TIMEOUT", 0.05)
    watchdog = SystemdWatchdog({"NOTIFY_SOCKET": systemd[1]})
    for number in range(2_000 if _queue_limit() < 2_000 else 1):
        watchdog.notify(STATUS=number)
        if number > _queue_limit() + 2:
            break
    assert systemd[0].recv(4096) == b"STATUS=0"


def _queue_limit() -> int:
    return int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
