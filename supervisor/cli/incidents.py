"""`incidents`: the open ones, and those that are over."""

from __future__ import annotations

import argparse
import time
from typing import Any

from supervisor.cli import _output
from supervisor.cli._errors import UNKNOWN
from supervisor.cli._times import ago, since
from supervisor.cli._which import daemon

_STATES = {"triggered": "bold red", "acknowledged": "yellow", "resolved": "green"}


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("incidents", help="list incidents, the open ones first")
    parser.add_argument("--since", type=since, metavar="WHEN", help="opened since: 2h, or 2026-03-01T12:00:00Z")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (default 50)")
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print the table and return 0."""
    found = daemon(args).rows("incidents", args.limit, since=args.since)
    found.sort(key=lambda incident: incident["state"] == "resolved")
    if args.json:
        _output.document({"incidents": found})
    elif found:
        _output.table(
            [_row(incident, time.time()) for incident in found], ("id", "state", "severity", "opened", "what")
        )
    else:
        _output.say("no incidents")
    return 0


def _row(incident: dict[str, Any], now: float) -> list[_output.Piece]:
    over = incident["state"] == "resolved"
    who = f" by {incident['acked_by']}" if incident["acked_by"] and not over else ""
    return [
        (incident["id"], "bold"),
        (incident["state"] + who, _STATES.get(incident["state"], "")),
        (incident["severity"], "" if over else _output.SEVERITIES.get(incident["severity"], "")),
        ago(incident["opened_at"], now),
        f"{incident['key']}: {incident['resolution'] if over else incident['summary']}",
    ]
