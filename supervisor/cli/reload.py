"""`reload`: the daemon reads its configuration again."""

from __future__ import annotations

import argparse
import time
from http import HTTPStatus
from typing import Any

from supervisor.cli import _output
from supervisor.cli._client import Daemon
from supervisor.cli._errors import FAILED, CommandError, ProblemError
from supervisor.cli._which import daemon

_PATIENCE = 60.0


_EPILOG = """\
examples:
  collections-supervisor reload
  collections-supervisor reload --wait
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("reload", help="have the daemon read its configuration again", epilog=_EPILOG)
    parser.add_argument("--wait", action="store_true", help="return once every agent is watched")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Reload and return 0."""
    supervisor = daemon(args)
    changes = supervisor.ask("POST", "reload", body={})
    if args.wait:
        _wait(supervisor)
    if args.json:
        _output.document(changes)
    else:
        named = [f"{what} {', '.join(names)}" for what, names in changes.items() if names]
        _output.say("; ".join(named) or "read again, and in force; no agent was added, changed or removed")
    return 0


def _wait(supervisor: Daemon) -> None:
    """Wait until the daemon says that it is ready."""
    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            supervisor.ready()
        except ProblemError as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            if time.monotonic() > ends:
                raise CommandError(FAILED, f"not ready after {_PATIENCE:g} s: {error}") from None
        else:
            return
        time.sleep(0.1)
