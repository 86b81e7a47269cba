"""The README's first command, as a new user's shell runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def demo(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "supervisor", "demo", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=tmp_path, timeout=120)


def test_the_demo_ends_with_an_escalation_and_a_recovery_and_leaves_nobody_behind(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json")
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
