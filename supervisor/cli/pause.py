"""`pause AGENT`: expect nothing of it for a while: no miss, no restart, no notice; heartbeats are still shown.

What is open of it is resolved. It is left running. From the end of the pause on it has its start period to beat.
"""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._times import clock, length
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor pause payment-watcher --for 2h --reason "it moves"
  collections-supervisor pause payment-watcher
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("pause", help="expect nothing of an agent for a while", epilog=_EPILOG)
    parser.add_argument("agent", metavar="AGENT", help="the agent's name")
    parser.add_argument(
        "--for", type=length, metavar="LENGTH", dest="length", help="how long: 2h, 3d (default: until it is resumed)"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pause the agent and return 0."""
    wanted = {"seconds": args.length, "reason": args.reason}
    body = {key: value for key, value in wanted.items() if value is not None}
    answer = daemon(args).ask("POST", "agents", args.agent, "pause", body=body)
    if args.json:
        _output.document(answer)
    elif answer["paused_until"] is None:
        _output.say(f"{args.agent} is paused until it is resumed: collections-supervisor resume {args.agent}")
    else:
        _output.say(f"{args.agent} is paused until {clock(answer['paused_until'])}")
    return 0
