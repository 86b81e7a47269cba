"""The commands against a real daemon, in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import PYTHON, Place, process

CONFIG = """\
[gate]
settle = "0s"
[defaults]
heartbeat_timeout = "1h"
[agents.mailer]
restart = { kind = "command", command = ["sh", "-c", "echo nothing to start >&2; exit 3"] }
[channels.ops]
kind = "file"
path = "ops.jsonl"
"""


@pytest.fixture
def daemon(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    place.config(CONFIG)
    with (place.home / "log").open("wb") as log, subprocess.Popen([*PYTHON, "run"], stdout=log, stderr=log) as running:
        try:
            until(place.socket.exists)
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_json_is_what_run_logs_on_a_terminal(place: Place) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([*PYTHON, "run", "--json"], stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        try:
            with os.fdopen(ours, encoding="utf-8") as terminal:
                assert json.loads(terminal.readline())["level"]
        finally:
            running.terminate()


def test_a_day_with_the_daemon(daemon: subprocess.Popen[bytes], place: Place) -> None:
    assert process("beat", "mailer").code == 0
    until(lambda: process("status").code == 0)
    assert process("reload", "--wait").out == "read again, and in force; no agent was added, changed or removed\n"
    assert process("beat", "mailer", "--kind", "fail", "--message", "no access").code == 0
    until(lambda: process("status").code == 1)
    until(lambda: "nothing to start" in process("why", "mailer").out)
    told = process("why", "mailer").out
    for part in ("the agent reported a failure", "restart started (command)", "restart failed after"):
        assert part in told, part
    assert process("hold", "mailer").code == 0
    assert "[held]" in process("check").out
    assert process("release", "mailer").code == 0
    assert process("silence", "add", "mailer", "--for", "1h", "--comment", "a test").code == 0
    assert "a test" in process("silence", "list").out
    assert process("test-notify", "ops").code == 0
    assert process("dashboard").out.startswith("<!doctype html>")
    assert "restart started" in process("events").out

    second = process("run")
    assert second.code == 69
    assert f"pid {daemon.pid}" in second.err
    assert second.err.count("\n") == 1

    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(30) == 0
    assert not place.socket.exists()
    assert process("status").code == 3
