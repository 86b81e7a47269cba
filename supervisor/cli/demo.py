"""`demo`: see in half a minute what happens when an agent hangs; nothing to configure, nothing touched.

Two real agents run in a temporary folder under a real daemon. One hangs, is restarted, hangs again, is escalated,
and recovers. Times are compressed; everything else is as in earnest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.cli import _output
from supervisor.cli._client import Daemon
from supervisor.cli._errors import FAILED, CommandError, NoDaemonError, ProblemError

LIMIT = 60.0
"""Longest time (s) that the story may take."""

_AFTERWARDS = 2.5
_LOOK_EVERY = 0.2
_TOLD = frozenset(
    {
        "heartbeat_missed",
        "restart_started",
        "restart_finished",
        "agent_started",
        "incident_opened",
        "notification_sent",
        "incident_resolved",
        "health_changed",
    }
)

_CONFIG = """\
# The demo's configuration: the usual law, in seconds instead of minutes.
[paths]
cache = "cache"
state = "state"
data = "data"
socket = "control.sock"

[gate]
settle = "0s"

[dashboard]
min_interval = "1s"

[defaults]
heartbeat_timeout = "4s"
check_interval = "5s"

[agents.collections-emailer.restart]
kind = "managed"
command = {emailer}

[agents.payment-watcher.restart]
kind = "managed"
command = {watcher}
backoff = "12s"
jitter = 0.0

[channels.on-call]
kind = "file"
path = "messages.jsonl"
"""


@dataclass
class Stage:
    """The demo's folder, its daemon, and what has been seen."""

    folder: Path
    daemon: Daemon
    process: subprocess.Popen[bytes]
    began: float
    seen: list[dict[str, Any]] = field(default_factory=list)
    offset: int = 0

    def look(self) -> dict[str, Any] | None:
        """Read the log on, and return the fleet, None where the daemon does not answer (yet)."""
        with (self.folder / "log").open("rb") as log:
            log.seek(self.offset)
            lines = log.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith(b"\n"):
                self.offset += len(line)
                self.seen.append(json.loads(line))
        try:
            fleet: dict[str, Any] = self.daemon.ask("GET", "fleet")
        except (NoDaemonError, ProblemError):
            return None
        return fleet

    def messages(self) -> list[dict[str, Any]]:
        """Return what the people of the demo were told."""
        path = self.folder / "messages.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def over(self) -> bool:
        """Whether somebody was told of the escalation and of its end."""
        return {"AGENT_ESCALATION", "AGENT_RESOLVED"} <= {message["type"] for message in self.messages()}


_EPILOG = """\
examples:
  collections-supervisor demo
  collections-supervisor demo --json
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("demo", help="watch two agents for half a minute; one of them hangs", epilog=_EPILOG)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play the story and return 0, or 1 where it went otherwise."""
    folder = Path(tempfile.mkdtemp(prefix="supervisor-demo-"))
    with _stage(folder) as stage:
        if args.json:
            _play(stage, lambda _: None)
        elif sys.stdout.isatty():
            _play_live(stage)
        else:
            _output.say("Two agents, one daemon; payment-watcher is going to hang. About 25 seconds.")
            told = _Told(stage)
            _play(stage, lambda _: told.say())
        messages = stage.messages()
    _end(folder, messages, as_json=args.json)
    return 0


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    config = folder / "config.toml"
    beats = folder / "cache" / "heartbeats"
    beats.mkdir(parents=True)
    agent = [sys.executable, "-P", "-m", "supervisor.cli._demo_agent"]
    config.write_text(
        _CONFIG.format(
            emailer=json.dumps([*agent, "collections-emailer", str(beats)]),
            watcher=json.dumps([*agent, "payment-watcher", str(beats), "1=5", "2=0"]),
        )
    )
    command = [sys.executable, "-P", "-m", "supervisor", "run", "--config", str(config), "--log-format", "json"]
    with (folder / "log").open("wb") as log, (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=errors)
        try:
            yield Stage(folder, Daemon(folder / "control.sock"), process, time.monotonic())
        finally:
            process.terminate()
            process.wait()


def _play(stage: Stage, show: Any) -> None:
    """Look until the story is over, and a little longer."""
    ends_at: float | None = None
    while ends_at is None or time.monotonic() < ends_at:
        fleet = stage.look()
        show(fleet)
        if ends_at is None and stage.over():
            ends_at = time.monotonic() + _AFTERWARDS
        if stage.process.poll() is not None:
            raise CommandError(FAILED, "the demo's daemon ended", *_errors(stage))
        if time.monotonic() - stage.began > LIMIT:
            raise CommandError(FAILED, f"the story took over {LIMIT:.0f} s; its log is {stage.folder / 'log'}")
        time.sleep(_LOOK_EVERY)


def _errors(stage: Stage) -> list[str]:
    return (stage.folder / "errors").read_text(errors="replace").splitlines()[-5:]


class _Told:
    """The story line by line, for pipes and logs."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._next = 0

    def say(self) -> None:
        for record in self._stage.seen[self._next :]:
            if record["event"] in _TOLD:
                _output.say("  ".join(_line(record)))
        self._next = len(self._stage.seen)


def _line(record: dict[str, Any]) -> tuple[str, str, str]:
    from supervisor.cli._times import clock  # noqa: PLC0415
    from supervisor.faces.sentences import sentence  # noqa: PLC0415

    return clock(record["timestamp"]), f"{record.get('agent', ''):19}", sentence(record["event"], record, clock)


def _play_live(stage: Stage) -> None:
    """Show the story in place, on a terminal."""
    from rich.live import Live  # noqa: PLC0415

    with Live(refresh_per_second=8) as live:
        _play(stage, lambda fleet: live.update(_screen(stage, fleet)))


def _screen(stage: Stage, fleet: dict[str, Any] | None) -> Any:
    from rich.console import Group  # noqa: PLC0415
    from rich.panel import Panel  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from supervisor.cli._fleet import STYLES  # noqa: PLC0415
    from supervisor.cli._times import ago  # noqa: PLC0415

    agents = Table(box=None, expand=True, header_style="dim")
    for title in ("agent", "state", "heartbeat", "misses", "restarts", "why"):
        agents.add_column(title, no_wrap=title != "why")
    for agent in sorted(fleet["agents"] if fleet else [], key=lambda agent: agent["name"]):
        symbol, style = STYLES[agent["status"]]
        beat = agent["last_heartbeat"]
        agents.add_row(
            Text(agent["name"], "bold"),
            Text(f"{symbol} {agent['status']}", style),
            "-" if beat is None or fleet is None else ago(beat, fleet["timestamp"]),
            str(agent["consecutive_misses"]),
            str(agent["restarts"]),
            agent["reason"],
        )
    story = Table(box=None, expand=True, show_header=False, padding=(0, 2, 0, 0))
    for record in [record for record in stage.seen if record["event"] in _TOLD][-12:]:
        at, name, text = _line(record)
        story.add_row(Text(at, "dim"), Text(name.strip(), "bold"), Text(text, _COLOURS.get(record["level"], "")))
    seconds = time.monotonic() - stage.began
    return Group(
        Panel(agents, title="collections-supervisor demo", subtitle=f"{seconds:.0f} s", border_style="cyan"),
        Panel(story, title="what happens", border_style="dim"),
    )


_COLOURS = {"warning": "yellow", "error": "red"}


def _end(folder: Path, messages: list[dict[str, Any]], *, as_json: bool) -> None:
    page = folder / "cache" / "dashboard.html"
    if as_json:
        _output.document({"messages": messages, "dashboard": str(page), "folder": str(folder)})
        return
    _output.say("")
    _output.say("What a person was told, through the channel ", ("on-call", "bold"), ":")
    rows: list[list[_output.Piece]] = []
    for message in messages:
        rows.append([("  " + message["type"], "bold"), message["summary"]])
        if message["type"] == "AGENT_ESCALATION":
            rows.append(["", message["action_required"]])
    _output.table(rows)
    _output.say("The dashboard: ", (f"file://{page}", "cyan"))
    _output.say(f"Everything else, configuration and log too: {folder} (delete it when you like)")
