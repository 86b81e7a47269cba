from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.restarters import _runs
from supervisor.restarters._launch import LINE_LIMIT, LINES, Flood, Tail, clear, how_it_ended, work
from supervisor.restarters._processes import look


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"\n" * 30, b"x" * 5000, b"a\nb\n"]), max_size=30))
def test_the_tail_is_that_of_the_whole_however_it_is_cut(chunks: list[bytes]) -> None:
    tail = Tail()
    for chunk in chunks:
        tail.feed(chunk)
    *lines, rest = b"".join(chunks).split(b"\n")
    whole = [*lines, rest] if rest else lines
    assert tail.lines() == [line[:LINE_LIMIT].decode("utf-8", "replace").rstrip("\r") for line in whole[-LINES:]]


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "ended by SIGKILL"), (-40, "ended by signal 40")]
)
def test_how_it_ended(code: int, words: str) -> None:
    assert how_it_ended(code) == words


@pytest.fixture
def flood() -> Iterator[Flood]:
    made = Flood()
    yield made
    made.drain()
    os.close(made.pipe.fd)


def job(*command: str, **more: Any) -> dict[str, Any]:
    """Return a job as the launcher is told it. Its timeout must not be reached: this session would be ended."""
    standard: dict[str, Any] = {"pre_restart": [], "report": [], "output": False, "working_directory": None}
    return {"command": list(command), "timeout": 3600.0, "stop_timeout": 1.0, **standard, **more}


def test_a_run_and_its_report(tmp_path: Path, flood: Flood) -> None:
    report = [sys.executable, "-c", "print('all is well'); raise SystemExit(3)"]
    outcome = work(job("sh", "-c", "echo said >&2", report=report), tmp_path, 1, flood)
    expected = {"ok": True, "detail": "", "exit_code": 0, "stderr": ["said"], "report": ["all is well"]}
    assert outcome == expected


def test_a_report_that_can_not_be_had_is_empty(tmp_path: Path, flood: Flood) -> None:
    outcome = work(job("false", report=["/no/such"]), tmp_path, 1, flood)
    assert outcome == {"ok": False, "detail": "exit code 1", "exit_code": 1, "stderr": [], "report": []}


def test_a_run_without_a_command_only_ends_what_was(tmp_path: Path, flood: Flood) -> None:
    (tmp_path / "run-1.claim").touch()
    (tmp_path / "run-2.claim").touch()
    assert work(job(), tmp_path, 2, flood)["ok"]
    assert [path.name for path in tmp_path.iterdir()] == ["run-2.claim"]


def test_the_first_failing_hook_ends_the_run(tmp_path: Path, flood: Flood) -> None:
    effect = tmp_path / "effect"
    hooks = [["true"], ["sh", "-c", "echo why >&2; kill -9 $$"], ["touch", str(effect)]]
    outcome = work(job("touch", str(effect), pre_restart=hooks), tmp_path, 1, flood)
    detail = "pre_restart sh: ended by SIGKILL"
    assert outcome == {"ok": False, "detail": detail, "exit_code": -signal.SIGKILL, "stderr": ["why"]}
    assert not effect.exists()


def test_a_folder_or_program_that_is_not_there_is_named(tmp_path: Path, flood: Flood) -> None:
    missing = work(job("true", working_directory="/no/such"), tmp_path, 1, flood)
    assert missing["detail"] == "working_directory /no/such: No such file or directory"
    assert work(job("/no/such"), tmp_path, 1, flood)["detail"] == "/no/such: No such file or directory"
    unwritable = work(job("agent", output=True), tmp_path / "none", 1, flood)
    assert unwritable["detail"] == f"{tmp_path}/none/output.log: No such file or directory"


def test_who_can_not_be_ended_is_named_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flood: Flood
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    old = subprocess.Popen(["sleep", "60"], start_new_session=True)
    process = look(old.pid)
    assert process
    claim = _runs.Claim(1, 1, *process, _runs.this_boot(), "gate")
    (tmp_path / "run-1.claim").symlink_to(_runs.words(claim))
    with monkeypatch.context() as kernel:  # as it answers where the old copy is another user's
        kernel.setattr(signal, "pidfd_send_signal", refuse)
        kernel.setattr("supervisor.restarters._processes.KILL_PATIENCE", 0.1)
        outcome = work(job("touch", str(tmp_path / "effect"), stop_timeout=0.1), tmp_path, 2, flood)
    assert outcome["detail"] == f"the old copy can not be ended: pid {old.pid} lives on after KILL"
    assert _runs.numbers(tmp_path) == [1], "it is tried again next time"
    clear(tmp_path, 2, 10.0)
    assert old.wait() == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
