"""`restart AGENT`: now, whatever its heartbeats say."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor restart payment-watcher
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("restart", help="restart an agent now", epilog=_EPILOG)
    parser.add_argument("agent", metavar="AGENT", help="the agent's name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Begin the restart and return 0."""
    answer = daemon(args).ask("POST", "agents", args.agent, "restart", body={})
    if args.json:
        _output.document(answer)
    else:
        _output.say(f"restart {answer['attempt']} of {args.agent} has begun")
    return 0
