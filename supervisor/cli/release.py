"""`release AGENT`: lift a hold."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor release payment-watcher
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("release", help="lift a hold", epilog=_EPILOG)
    parser.add_argument("agent", metavar="AGENT", help="the agent's name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Release the agent and return 0."""
    supervisor = daemon(args)
    held = "held" in supervisor.ask("GET", "agents", args.agent)["modifiers"]
    answer = supervisor.ask("POST", "agents", args.agent, "release", body={})
    if args.json:
        _output.document(answer)
    else:
        _output.say(f"{args.agent} may be restarted again" if held else f"{args.agent} is not held")
    return 0
