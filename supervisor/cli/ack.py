"""`ack ID ...`: somebody looks after incidents."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._errors import USAGE, CommandError, ProblemError
from supervisor.cli._times import clock, length
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor ack 3f9a01bc
  collections-supervisor ack 3f9a01bc 77e0d2f1 --for 2h
  collections-supervisor ack --all
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("ack", help="say that you look after incidents", epilog=_EPILOG)
    parser.add_argument("ids", metavar="ID", nargs="*", help="as `incidents` and every notification show it")
    parser.add_argument("--all", action="store_true", help="all that are open now and that nobody looks after")
    parser.add_argument("--for", type=length, metavar="LENGTH", dest="length", help="how long, such as 45m")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Acknowledge the incidents and return 0."""
    if bool(args.ids) is args.all:
        raise CommandError(USAGE, "expected ids of incidents, or --all, and not both; nothing was done")
    body = {} if args.length is None else {"seconds": args.length}
    if len(args.ids) == 1:
        incident = daemon(args).ask("POST", "incidents", args.ids[0], "ack", body=body)
        taken, document = [incident], incident
    else:
        whom = {"all": True} if args.all else {"ids": args.ids}
        try:
            document = daemon(args).ask("POST", "incidents", "ack", body={**body, **whom})
        except ProblemError as error:
            raise CommandError(error.exit_code, f"{error}; nothing was done") from None
        taken = document["incidents"]
    if args.json:
        _output.document(document)
        return 0
    for incident in taken:
        until = clock(incident["acked_until"])
        _output.say(f"{incident['id']} ({incident['key']}) acknowledged by {incident['acked_by']} until {until}")
    if not taken:
        _output.say("there is no open incident that nobody looks after")
    return 0
