"""`ack ID`: somebody looks after an incident."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._times import clock, length
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor ack 3f9a01bc
  collections-supervisor ack 3f9a01bc --for 2h
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("ack", help="say that you look after an incident", epilog=_EPILOG)
    parser.add_argument("id", metavar="ID", help="as `incidents` and every notification show it")
    parser.add_argument("--for", type=length, metavar="LENGTH", dest="length", help="how long, such as 45m")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Acknowledge the incident and return 0."""
    body = {} if args.length is None else {"seconds": args.length}
    incident = daemon(args).ask("POST", "incidents", args.id, "ack", body=body)
    if args.json:
        _output.document(incident)
    else:
        until = clock(incident["acked_until"])
        _output.say(f"{incident['id']} ({incident['key']}) acknowledged by {incident['acked_by']} until {until}")
    return 0
