"""`status`: what the daemon knows, without a new look; nothing is judged or done."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _fleet, _output
from supervisor.cli._errors import NoDaemonError
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor status
  collections-supervisor status --agents payment-watcher --json

exit codes: 0 ok, 1 warning, 2 critical, 3 unknown (also where no daemon
answers)
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("status", help="say how every agent is, as the daemon knows it", epilog=_EPILOG)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the picture and return its exit code."""
    try:
        fleet = daemon(args).ask("GET", "fleet", query={"agents": args.agents and ",".join(args.agents)})
    except NoDaemonError as error:
        from supervisor.domain.fleet import Fleet, Status  # noqa: PLC0415 - a daemon's answer needs none of this
        from supervisor.faces.documents import fleet_document  # noqa: PLC0415

        _output.complain(str(error))
        nothing = Fleet(0.0, Status.UNKNOWN, (), (), observed=False, doubts=(str(error),))
        watches = dict.fromkeys(("config", "cache", "heartbeats", "state"))
        fleet = fleet_document(nothing, watches) | {"timestamp": None}
        if not args.json:
            return _fleet.EXIT["unknown"]
    return _fleet.show(fleet, as_json=args.json)
