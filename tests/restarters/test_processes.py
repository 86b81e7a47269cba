from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from supervisor.restarters._processes import Pipe, Process, boot_id, end, hold, look, members, send, wait
from tests.support.agents import descriptors


@pytest.fixture(params=["pidfd", "no pidfd"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both with and without pidfds."""
    if request.param == "no pidfd":

        def refuse(_pid: int, _flags: int = 0) -> int:
            raise OSError(errno.ENOSYS, "Function not implemented")

        monkeypatch.setattr(os, "pidfd_open", refuse)


@pytest.fixture
def sleeper() -> Iterator[Process]:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    process = look(child.pid)
    assert process
    yield process
    child.kill()
    child.wait()


def test_this_process() -> None:
    me = look(os.getpid())
    assert me
    assert me.pid == os.getpid()
    assert me in members(os.getsid(0))
    assert boot_id() == boot_id() != ""


def test_a_name_may_hold_anything() -> None:
    script = "printf ') Z 1 (' >/proc/self/comm; echo up; read line"
    child = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"up\n"
    assert look(child.pid)
    child.communicate(b"\n")


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen(["true"], start_new_session=True)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert look(child.pid) is None
    assert members(child.pid) == []
    child.wait()
    with pytest.raises(ProcessLookupError):
        hold(Process(child.pid, 1))


@pytest.mark.usefixtures("kernel")
def test_another_of_the_same_pid_is_not_signalled(sleeper: Process) -> None:
    before = descriptors()
    other = sleeper._replace(start=sleeper.start - 1)
    send(other, signal.SIGKILL)
    assert wait([other], time.monotonic() + 5)
    assert look(sleeper.pid) == sleeper
    assert descriptors() == before


@pytest.mark.usefixtures("kernel")
def test_waiting_ends_in_time_or_with_the_process(sleeper: Process) -> None:
    before = descriptors()
    begun = time.monotonic()
    assert not wait([sleeper], begun + 0.2)
    assert 0.2 <= time.monotonic() - begun < 5
    send(sleeper, signal.SIGKILL)
    assert wait([sleeper], time.monotonic() + 10)
    assert look(sleeper.pid) is None
    assert descriptors() == before


@pytest.mark.usefixtures("kernel")
def test_a_pipe_is_read_meanwhile(sleeper: Process) -> None:
    readable, writable = os.pipe()
    read = []
    os.write(writable, b"x" * 10)
    assert not wait([sleeper], time.monotonic() + 0.2, Pipe(readable, lambda: read.append(os.read(readable, 100))))
    os.close(readable)
    os.close(writable)
    assert read == [b"x" * 10]


@pytest.mark.usefixtures("kernel")
def test_ending_is_term_then_kill_and_new_ones_too() -> None:
    script = "trap '' TERM; echo up; sh -c 'sleep 60; echo not ended' & while :; do sleep 60; done"
    shell = subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE)
    assert shell.stdout
    assert shell.stdout.readline() == b"up\n"
    assert end(lambda: members(shell.pid), 0.3) == []
    out, _ = shell.communicate()
    assert (shell.returncode, out) == (-signal.SIGKILL, b"")


def test_who_can_not_be_ended_is_told(sleeper: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    monkeypatch.setattr("supervisor.restarters._processes.KILL_PATIENCE", 0.1)
    assert end(lambda: [sleeper], 0.1) == [sleeper]
