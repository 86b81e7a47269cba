"""`hold AGENT`: watch it and notify, but do not restart it, for a while."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._times import clock, length
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor hold payment-watcher
  collections-supervisor hold payment-watcher --for 2h --reason "it is odd"
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("hold", help="do not restart an agent for a while", epilog=_EPILOG)
    parser.add_argument("agent", metavar="AGENT", help="the agent's name")
    parser.add_argument(
        "--for", type=length, default=1800.0, metavar="LENGTH", dest="length", help="how long (default 30m)"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Hold the agent and return 0."""
    supervisor = daemon(args)
    body = {"seconds": args.length} | ({} if args.reason is None else {"reason": args.reason})
    answer = supervisor.ask("POST", "agents", args.agent, "hold", body=body)
    if args.json:
        _output.document(answer)
    else:
        _output.say(f"{args.agent} is not restarted until {clock(answer['held_until'])}")
        if supervisor.ask("GET", "agents", args.agent)["restarter"] is None:
            _output.say("nothing restarts it anyway: no restarter is configured")
    return 0
