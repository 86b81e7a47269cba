"""`check`: one pass, by the daemon where one runs, else by ourselves."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _fleet
from supervisor.cli._errors import UNKNOWN, AbsentDaemonError, CommandError
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor check
  collections-supervisor check --agents payment-watcher --json

exit codes: 0 ok, 1 warning, 2 critical, 3 unknown
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("check", help="look now, judge, and say how every agent is", epilog=_EPILOG)
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print the picture after one pass and return its exit code."""
    try:
        fleet = daemon(args).ask("POST", "check", body={"agents": list(args.agents or ())})
    except AbsentDaemonError:
        fleet = _look(args)
    return _fleet.show(fleet, as_json=args.json)


def _look(args: argparse.Namespace) -> dict[str, Any]:
    from supervisor import app  # noqa: PLC0415 - a daemon's answer needs none of this
    from supervisor.cli._configuration import settings_or_fail  # noqa: PLC0415
    from supervisor.faces.documents import fleet_document, watches_document  # noqa: PLC0415
    from supervisor.ports import StoreError  # noqa: PLC0415

    settings = settings_or_fail(args)
    try:
        fleet = app.check(settings, tuple(settings.agents))
    except StoreError as error:
        raise CommandError(UNKNOWN, str(error)) from None
    return fleet_document(fleet, watches_document(settings.paths, settings.source and settings.source.absolute()))
