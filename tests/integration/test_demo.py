"""The README's first command, as a new user's shell runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    (folder / "supervisor.py").write_text("raise SystemExit(99)")  # what lies in the current folder is not run
    command = [sys.executable, "-P", "-m", "supervisor", "demo", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=folder, timeout=120)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="d-", dir="/tmp") as folder:
        yield Path(folder)


def test_what_stops_the_daemon_from_beginning_is_said_in_a_line(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    done = demo(long)
    assert done.returncode == 1
    assert "a socket's path may have" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_ends_with_an_escalation_and_a_recovery_and_leaves_nobody_behind(short: Path) -> None:
    done = demo(short, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [message["type"] for message in told["messages"]] == ["AGENT_ESCALATION", "AGENT_RESOLVED"]
    assert told["messages"][0]["agent"] == "payment-watcher"
    assert told["messages"][0]["evidence"]["restarts"] == 1
    page = Path(told["dashboard"]).read_text()
    assert "Every agent is in time" in page
    assert "collections-emailer" in page
    living = subprocess.run(["pgrep", "-f", told["folder"]], capture_output=True, text=True, check=False)
    assert living.stdout == ""
