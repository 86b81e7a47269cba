"""`check`: judge now, and act on it, through the daemon where one runs, else without.

As in the daemon, a silent agent is restarted, an incident opened, people told. An agent that has never sent a
heartbeat is escalated at once; the daemon would wait for its deadline. To look and do nothing there is `status`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

from supervisor.cli import _fleet, _output
from supervisor.cli._errors import UNKNOWN, AbsentDaemonError, CommandError
from supervisor.cli._times import moment
from supervisor.cli._which import daemon
from supervisor.domain.words import count

_EPILOG = """\
examples:
  collections-supervisor check
  collections-supervisor check --agents payment-watcher --json

exit codes: 0 ok, 1 warning, 2 critical, 3 unknown
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("check", help="judge now, act on it, and say how every agent is", epilog=_EPILOG)
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print the picture after one pass and return its exit code."""
    began = time.time()
    try:
        fleet = daemon(args).ask("POST", "check", body={"agents": list(args.agents or ())})
        alone = False
    except AbsentDaemonError:
        fleet, alone = _look(args), True
    exit_code = _fleet.show(fleet, as_json=args.json)
    for line in () if args.json else _done(fleet, began, alone=alone):
        _output.say(line)
    return exit_code


def _done(fleet: dict[str, Any], began: float, *, alone: bool) -> Iterator[str]:
    """Yield what this check did, why, and what to do next, where anything is escalated."""
    opened = [incident for incident in fleet["incidents"] if moment(incident["opened_at"]) >= began]
    if opened:
        yield f"This check opened {count(len(opened), 'incident')} and told {_told(opened)}."
    escalated = [agent for agent in fleet["agents"] if agent["status"] == "escalated"]
    if never := [agent["name"] for agent in escalated if agent["last_heartbeat"] is None]:
        yield f"No heartbeat ever came from {', '.join(never)}: a check escalates that without waiting."
        yield "Next: let it beat (collections-supervisor beat NAME), or take it out of the configuration."
    elif escalated and not alone:
        yield f"Next: collections-supervisor why {escalated[0]['name']}"
    if alone and fleet["incidents"]:
        yield "No daemon runs: what is due later waits for the next check."


def _told(incidents: list[dict[str, Any]]) -> str:
    if told := sorted({channel for incident in incidents for channel in incident["told"]}):
        return ", ".join(told)
    if all(incident["silenced"] for incident in incidents):
        return "nobody: a silence matches"
    return "nobody yet" if any(incident["next_at"] for incident in incidents) else "nobody: no channel is configured"


def _look(args: argparse.Namespace) -> dict[str, Any]:
    from supervisor import app  # noqa: PLC0415 - a daemon's answer needs none of this
    from supervisor.cli._configuration import settings_or_fail  # noqa: PLC0415
    from supervisor.faces.documents import fleet_document, watches_document  # noqa: PLC0415
    from supervisor.ports import StoreError  # noqa: PLC0415

    settings = settings_or_fail(args)
    try:
        fleet = app.check(settings, tuple(settings.agents))
    except StoreError as error:
        raise CommandError(UNKNOWN, str(error)) from None
    watches = watches_document(settings.paths, settings.source and settings.source.absolute())
    return dict(fleet_document(fleet, watches))
