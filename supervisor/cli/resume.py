"""`resume AGENT`: end its pause; from now on it has its start period to beat."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor resume payment-watcher
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("resume", help="end a pause", epilog=_EPILOG)
    parser.add_argument("agent", metavar="AGENT", help="the agent's name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Resume the agent and return 0."""
    supervisor = daemon(args)
    paused = supervisor.ask("GET", "agents", args.agent)["paused_by"] is not None
    answer = supervisor.ask("POST", "agents", args.agent, "resume", body={})
    if args.json:
        _output.document(answer)
    else:
        _output.say(f"{args.agent} is watched again" if paused else f"{args.agent} is not paused")
    return 0
