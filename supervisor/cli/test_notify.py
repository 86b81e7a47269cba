"""`test-notify`: does a message reach anybody?"""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._errors import FAILED, USAGE, AbsentDaemonError, CommandError
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor test-notify
  collections-supervisor test-notify on-call
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("test-notify", help="send a test message through the channels", epilog=_EPILOG)
    parser.add_argument("channel", nargs="?", metavar="CHANNEL", help="only this one")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the message and return 0 where every channel took it, else 1."""
    body = {} if args.channel is None else {"channel": args.channel}
    try:
        channels = daemon(args).ask("POST", "test-notify", body=body)["channels"]
    except AbsentDaemonError:
        channels = _send(args)
    if not channels:
        raise CommandError(FAILED, "no channel is configured: nobody would be told of an incident")
    if args.json:
        _output.document({"channels": channels})
    else:
        _output.outcomes(channels)
    return 0 if all(outcome["ok"] for outcome in channels.values()) else FAILED


def _send(args: argparse.Namespace) -> dict[str, Any]:
    from supervisor import app  # noqa: PLC0415 - a daemon's answer needs none of this
    from supervisor.cli._configuration import settings_or_fail  # noqa: PLC0415
    from supervisor.faces.documents import outcome_document  # noqa: PLC0415

    settings = settings_or_fail(args)
    if args.channel is not None and args.channel not in settings.channels:
        raise CommandError(USAGE, f"no channel is named {args.channel!r}")
    outcomes = app.test_notify(settings, args.channel)
    return {name: outcome_document(outcome) for name, outcome in outcomes.items()}
