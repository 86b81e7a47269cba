"""`check-config`: is the configuration right, and what does it mean?"""

from __future__ import annotations

import argparse
import shutil
import time
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from supervisor.cli import _output, _promises
from supervisor.cli._errors import USAGE
from supervisor.domain.maintenance import Window
from supervisor.domain.silences import Silence, coverage
from supervisor.domain.words import count, span
from supervisor.faces.documents import rfc3339

if TYPE_CHECKING:
    from supervisor.config_tables import HttpTable
    from supervisor.settings import Settings


_NEXT = 3
"""So many openings of a window are told."""

_EPILOG = """\
examples:
  collections-supervisor check-config
  collections-supervisor check-config --config ./config.toml --json
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("check-config", help="check the configuration, say what it means", epilog=_EPILOG)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the summary and return 0; where the configuration is wrong, every reason and 64."""
    from supervisor.cli._configuration import settings  # noqa: PLC0415 - brings pydantic
    from supervisor.settings import ConfigError  # noqa: PLC0415

    try:
        found = settings(args)
    except ConfigError as error:
        for problem in error.problems:
            _output.complain(problem)
        if args.json:
            _output.document({"valid": False, "errors": list(error.problems)})
        return USAGE
    if args.json:
        _output.document(_document(found))
    else:
        _show(found)
    return 0


def _document(settings: Settings) -> dict[str, Any]:
    return {
        "valid": True,
        "warnings": _warnings(settings),
        "file": None if settings.source is None else str(settings.source),
        "agents": {name: _promises.document(agent) for name, agent in settings.agents.items()},
        "maintenance": {
            window.name: {
                "matcher": window.matcher,
                "duration": window.duration,
                "comment": window.comment,
                "openings": [rfc3339(at) for at in _openings(window)],
            }
            for window in settings.windows()
        },
        "channels": {name: chosen.plugin.kind for name, chosen in settings.channels.items()},
        "chain": [{"channel": step.channel, "delay": step.delay} for step in settings.chain().steps],
        "paths": {name: str(path) for name, path in settings.paths._asdict().items()},
    }


def _show(settings: Settings) -> None:
    where = "no configuration file: the defaults" if settings.source is None else str(settings.source)
    _output.say(("valid", "green"), f": {where}")
    for warning in _warnings(settings):
        _output.say(("warning: ", "yellow"), warning)
    _output.say((count(len(settings.agents), "agent"), "bold"))
    rows = []
    for name, agent in settings.agents.items():
        rows.append([f"  {name}", _promises.promise(agent)])
        rows += [["", line] for line in _promises.judged(agent.policy)]
    _output.table(rows)
    steps = settings.chain().steps
    if steps:
        _output.say(("told of an incident", "bold"))
        kinds = {name: chosen.plugin.kind for name, chosen in settings.channels.items()}
        _output.table([[f"  after {span(step.delay)}", f"{step.channel} ({kinds[step.channel]})"] for step in steps])
    else:
        _output.say(("told of an incident: nobody, no channel is configured", "yellow"))
    for window in settings.windows():
        zone = ZoneInfo(window.time_zone)
        _output.say((f"maintenance {window.name}", "bold"), f": {window.comment}")
        _output.table(
            [
                ["  silenced", window.matcher],
                ["  for", f"{span(window.duration)} from each of {window.schedule!r} in {window.time_zone}"],
                *(["  opens", f"{datetime.fromtimestamp(at, zone):%a %Y-%m-%d %H:%M %Z}"] for at in _openings(window)),
            ]
        )
    _output.say(("page and API", "bold"), f": {_reach(settings.http)}")
    _output.say(("places", "bold"))
    _output.table([[f"  {name}", str(path)] for name, path in settings.paths._asdict().items()])


def _reach(http: HttpTable) -> str:
    if http.listen is None:
        return "on the control socket only"
    rights = "nobody can change anything: no token is configured" if http.token is None else "changes need the token"
    readers = "whoever is on this machine may read" if http.public_read else "reading needs the token, too"
    return f"http://{http.listen}/; {rights}; {readers}"


def _openings(window: Window) -> list[float]:
    """Return when the window opens the next three times."""
    return list(islice(window.times(time.time()), _NEXT))


def _warnings(settings: Settings) -> list[str]:
    """Return what is well written, and can not work on this machine as it is now."""
    chosen = {f"channels.{name}": channel for name, channel in settings.channels.items()}
    for name, agent in settings.agents.items():
        if agent.restart_plugin is not None:
            chosen[f"agents.{name}.restart"] = agent.restart_plugin
    found = []
    for place, what in chosen.items():
        keys = what.config.model_dump()
        program = "systemctl" if what.plugin.kind == "systemd" else (keys.get("command") or [None])[0]
        if program is not None and shutil.which(program) is None:
            found.append(f"{place}: {program} is no program on this machine")
        for key, value in keys.items():
            if key.endswith("_file") and value is not None and not Path(value).expanduser().is_file():
                found.append(f"{place}.{key}: there is no file {value}")
    found += [
        f"maintenance.{window.name}.matcher: it matches no agent that is configured"
        for window in settings.windows()
        if coverage(Silence("", window.matcher, "", "", 0.0, 0.0), settings.agents, (), 0.0).idle
    ]
    if settings.http.public_url is not None and settings.http.listen is None:
        found.append("http.public_url: no message carries a link, because http.listen is not set")
    kept = settings.ping.url_file
    if kept is not None and not kept.is_file():
        found.append(f"ping.url_file: there is no file {kept}")
    return found
