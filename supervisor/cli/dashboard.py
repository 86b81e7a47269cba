"""`dashboard`: the page, now, to standard output or a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from supervisor.cli import _output
from supervisor.cli._errors import UNKNOWN, AbsentDaemonError, CommandError
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor dashboard > page.html
  collections-supervisor dashboard --output /srv/www/agents.html
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("dashboard", help="make the dashboard page, one HTML file", epilog=_EPILOG)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there, instead of to standard output")
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Make the page and return 0."""
    page = _page(args)
    if args.output is not None:
        _output.write(args.output, page)
    if args.json:
        html = page.decode() if args.output is None else None
        _output.document({"file": args.output and str(args.output), "bytes": len(page), "html": html})
    elif args.output is not None:
        _output.say(f"{args.output} written")
    else:
        sys.stdout.buffer.write(page)
    return 0


def _page(args: argparse.Namespace) -> bytes:
    try:
        supervisor = daemon(args)
    except AbsentDaemonError:
        return _render(args)
    if args.agents is not None:
        _output.complain("--agents is passed over: the page of a running daemon shows every agent")
    page: bytes = supervisor.ask("POST", "dashboard", body={})
    return page


def _render(args: argparse.Namespace) -> bytes:
    from supervisor import app  # noqa: PLC0415 - a daemon's answer needs none of this
    from supervisor.cli._configuration import settings_or_fail  # noqa: PLC0415
    from supervisor.ports import StoreError  # noqa: PLC0415

    try:
        return app.dashboard(settings_or_fail(args))
    except StoreError as error:
        raise CommandError(UNKNOWN, str(error)) from None
