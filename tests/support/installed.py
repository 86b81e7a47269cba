"""The wheel, installed as the README says, on a machine whose process 1 is the real systemd."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.lab import Lab, lab

ROOT = Path(__file__).parents[2]
HOME = "/opt/collections-supervisor"
COMMAND = f"{HOME}/bin/collections-supervisor"
SERVICE = "collections-supervisor.service"
CONFIG = "etc/collections-supervisor/config.toml"
CACHE = "var/cache/novotechno-collections"
TOLD = "var/lib/collections-supervisor/told.jsonl"
UNITS = "etc/systemd/system"

CONFIGURATION = f"""
[defaults]
restart_after = 9
escalate_after = 1

[agents.mailer]
heartbeat_timeout = "1h"

[channels.people]
kind = "file"
path = "/{TOLD}"
"""

_PATIENCE = 30.0


class Installed:
    """The machine with the command on it. Nothing is installed for systemd yet."""

    def __init__(self, machine: Lab) -> None:
        self.machine = machine
        self.root = machine.root
        self.run = machine.run

    def command(self, *words: str) -> Any:
        """Run our command as root; return its JSON, whatever the exit code: `status` tells by it how things are."""
        return json.loads(self.run(COMMAND, *words, "--json", check=False))

    def fails(self, *argv: str) -> str:
        """Run what must fail; return what it says on standard error."""
        done = subprocess.run(self.machine.enter(*argv), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode, done.stdout
        return done.stderr

    def configure(self, text: str) -> None:
        path = self.root / CONFIG
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def shown(self, *properties: str, unit: str = SERVICE) -> list[str]:
        """Return what `systemctl show` says of these properties."""
        text = self.run("systemctl", "show", f"--property={','.join(properties)}", unit)
        found = dict(line.split("=", 1) for line in text.splitlines())
        return [found[name] for name in properties]

    def one(self, name: str, unit: str = SERVICE) -> str:
        return self.shown(name, unit=unit)[0]

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """Return the journal's entries, oldest first."""
        text = self.run("journalctl", "--output=json", "--all", "--quiet", *matches)
        return [json.loads(line) for line in text.splitlines()]

    def beat(self, name: str, cache: str = CACHE, **keys: Any) -> None:
        """Write a heartbeat, as the agent would."""
        folder = self.root / cache / "heartbeats"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{name}.log").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"timestamp": datetime.now(UTC).isoformat(), **keys}) + "\n")
        (folder / f"{name}.log").chmod(0o644)

    def agent(self, name: str) -> dict[str, Any]:
        """Return what `status` says of the agent."""
        (found,) = (agent for agent in self.command("status")["agents"] if agent["name"] == name)
        return dict(found)

    def lines(self, path: str) -> list[dict[str, Any]]:
        """Return the JSON lines of a file."""
        file = self.root / path
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def until(what: Callable[[], Any], patience: float = _PATIENCE) -> Any:
    """Wait until `what` returns something true, and return that."""
    ends = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < ends, f"not within {patience:g} s: {what}"
        time.sleep(0.1)
    return found


def start(machine: Installed) -> int:
    """Start the service and return its process."""
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    return int(machine.one("MainPID"))


def override(machine: Installed, text: str, unit: str = SERVICE) -> None:
    folder = machine.root / UNITS / f"{unit}.d"
    folder.mkdir(exist_ok=True)
    (folder / "99-test.conf").write_text(text)


@contextmanager
def installed(folder: Path) -> Iterator[Installed]:
    """Boot a machine, and install the wheel on it into a place that every user can reach."""
    _sh(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "wheel"), str(ROOT))
    (wheel,) = (folder / "wheel").glob("*.whl")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    libraries = Path(sys.prefix, "lib", version, "site-packages")
    shown = {folder / "wheel": "/opt/wheel", libraries: "/opt/libraries", base: "/opt/python"}
    with lab(folder, shown) as machine:
        loader = machine.root / "etc/ld.so.conf"
        loader.write_text(f"/opt/python/lib\n{loader.read_text()}")  # its own library, where it is a shared one
        machine.run("ldconfig")
        machine.run(f"/opt/python/bin/{version}", "-m", "venv", "--without-pip", HOME)
        packages = machine.root / HOME.lstrip("/") / "lib" / version / "site-packages"
        (packages / "libraries.pth").write_text("/opt/libraries\n")  # what it depends on is not installed anew
        pip = (f"{HOME}/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed")
        machine.run(*pip, "--no-cache-dir", "--disable-pip-version-check", f"/opt/wheel/{wheel.name}")
        yield Installed(machine)


def _sh(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
