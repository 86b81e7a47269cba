from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from supervisor import paths
from supervisor.cli import _units, install_unit
from supervisor.cli._main import main
from supervisor.domain.health import HealthState
from tests.support.control import MemoryControl, agent
from tests.support.served import Served

_MACHINE = """
import os, sys
from pathlib import Path
from supervisor import paths
paths.RUN, paths.SYSTEM_CONFIG = Path(os.environ["TEST_RUN"]), Path(os.environ["TEST_SYSTEM_CONFIG"])
from supervisor.__main__ import main
sys.exit(main())
"""

PYTHON = (sys.executable, "-c", _MACHINE)
"""The command in a process of its own, on a machine of the test's own: see `place`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A home and a machine of our own: nothing of the real one's configuration and daemons is seen."""

    machine: Path

    @property
    def home(self) -> Path:
        return self.machine / "home"

    @property
    def socket(self) -> Path:
        """Where a user's daemon listens."""
        return self.machine / "collections-supervisor" / "control.sock"

    @property
    def heartbeats(self) -> Path:
        return self.home / ".cache" / "novotechno-collections" / "heartbeats"

    @property
    def data(self) -> Path:
        return self.home / ".local" / "state" / "collections-supervisor"

    @property
    def run(self) -> Path:
        """What /run is elsewhere."""
        return self.machine / "run"

    @property
    def system(self) -> Path:
        """Where the system's daemon listens."""
        return self.run / "collections-supervisor" / "control.sock"

    @property
    def etc(self) -> Path:
        """The system's configuration."""
        return self.machine / "etc" / "config.toml"

    @property
    def silent(self) -> str:
        """What is said where no daemon runs."""
        places = f"{self.socket}, {self.data}/control.sock or {self.system}"
        return f"no daemon is running (nothing listens at {places})"

    def config(self, text: str) -> Path:
        path = self.home / ".config" / "collections-supervisor" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in list(os.environ):
        if name.startswith("XDG_") or name in {"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "NO_COLOR"}:
            monkeypatch.delenv(name)
    monkeypatch.delenv("COLLECTIONS_SUPERVISOR_CONFIG", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with tempfile.TemporaryDirectory(prefix="cs-") as machine:  # a socket's path must be short
        found = Place(Path(machine))
        found.home.mkdir()
        monkeypatch.setenv("HOME", str(found.home))
        monkeypatch.setenv("XDG_RUNTIME_DIR", machine)
        for variable, path in (("RUN", found.run), ("SYSTEM_CONFIG", found.etc)):
            monkeypatch.setattr(paths, variable, path)
            monkeypatch.setenv(f"TEST_{variable}", str(path))
        yield found


@pytest.fixture
def control() -> MemoryControl:
    now = time.time()
    fresh: dict[str, Any] = {"last_heartbeat": now - 60, "since": now - 3600, "due": now + 3540}
    late: dict[str, Any] = {
        "last_heartbeat": now - 4000,
        "since": now - 30,
        "due": now + 500,
        "consecutive_misses": 2,
        "restarts": 1,
        "reason": "no heartbeat for 1 h 6 min",
    }
    return MemoryControl(
        agent("mailer", restarter="command", **fresh), agent("watcher", HealthState.ESCALATED, **late), now=time.time
    )


@pytest.fixture
def served(control: MemoryControl, place: Place) -> Iterator[Served]:
    with Served(control, place.socket).running() as running:
        yield running


def process(*words: str) -> Said:
    """Run the command in a process of its own."""
    done = subprocess.run([*PYTHON, *words], capture_output=True, text=True, check=False, timeout=60)
    return Said(done.returncode, done.stdout, done.stderr)


def on_a_terminal(words: tuple[str, ...], **environ: str) -> bytes:
    """Run the command on a terminal and return what it shows there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PYTHON, *words], stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", **environ}
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:
            pass  # the other end is closed
        finally:
            os.close(ours)
        process.wait(20)
    return shown


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """Runs a command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        self._capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = self._capsys.readouterr()
        return Said(code, out, err)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


SAMPLE = Path(__file__).parents[1] / "samples" / "novotechno"


@pytest.fixture
def sample(place: Place) -> Path:
    """A tree that the real agents wrote, with a queue of today. Returns the state folder."""
    shutil.copytree(SAMPLE, place.home / "novotechno")
    place.config(
        f"""
        [paths]
        cache = "{place.home}/novotechno/cache"
        state = "{place.home}/novotechno/share/state"
        [books]
        settle = "0s"
        """
    )
    queue = place.home / "novotechno" / "cache" / "queues" / "collections-emailer.jsonl"
    queue.write_text(re.sub(r'"_queued_at": [\d.]+', f'"_queued_at": {time.time()}', queue.read_text("utf-8")), "utf-8")
    return place.home / "novotechno" / "share" / "state"


def edit(path: Path, old: str, new: str) -> bytes:
    """Put `new` in the place of `old`; return the whole as it is then."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return path.read_bytes()


# --- systemd -----------------------------------------------------------------------------------------------

SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$TOLD"
case "$0" in *"${FAILS:-nothing}") echo "no users" >&2; exit 1 ;; esac
case "$*" in
*show*) printf '%s\\n' "$SHOWN" ;;
*list-units*) echo "agent@mailer.service loaded active running Agent mailer" ;;
*daemon-reload*) [ -z "$BROKEN" ] || { echo "no bus" >&2; exit 1; } ;;
esac
"""


@pytest.fixture
def machine(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of our own with a `systemctl` that writes down what it is told."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("systemctl", "systemd-sysusers", "systemd-tmpfiles"):
        (programs / name).write_text(SYSTEMCTL)
        (programs / name).chmod(0o755)
    (programs / "journalctl").write_text('#!/bin/sh\nprintf \'one\\n{"event": "two"}\\n\'\n')
    (programs / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setattr(_units, "ETC", tmp_path / "etc")
    monkeypatch.setattr(_units, "BOOTED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(install_unit, "_programs", lambda _: [Path("/usr/bin/env")])
    return tmp_path


def told(machine: Path) -> list[str]:
    path = machine / "told"
    return path.read_text().splitlines() if path.exists() else []


def actions(command: Command, *words: str) -> dict[str, str]:
    return {file["path"]: file["action"] for file in command(*words, "--json").json["files"]}
