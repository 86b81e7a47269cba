"""`reconcile`: compare the books now, by the daemon where one runs, else by ourselves; mend the ledger's totals."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from supervisor.cli import _books, _output
from supervisor.cli._errors import UNKNOWN, USAGE, AbsentDaemonError, CommandError
from supervisor.cli._fleet import EXIT
from supervisor.cli._which import daemon

_PATIENCE = 600.0
"""How long (s) the daemon may compare: it may be reading 100,000 files for the first time."""

_EPILOG = """\
examples:
  collections-supervisor reconcile
  collections-supervisor reconcile --fix        (what would mend the totals)
  collections-supervisor reconcile --fix --yes  (mend them, and keep a copy)

exit codes: 0 consistent, 1 findings that are warnings or may be agents at
work, 2 critical findings, 3 not known, or no books at all;
with --fix: 0 nothing to mend (any more), 1 something to mend, or refused,
3 not known
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "reconcile", help="compare the books now, and list what does not agree", epilog=_EPILOG
    )
    parser.add_argument("--fix", action="store_true", help="show how the ledger's totals would be mended, nothing else")
    parser.add_argument("--yes", action="store_true", help="with --fix: do it")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there, instead of to standard output")
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print what came of it and return the exit code."""
    if args.yes and not args.fix:
        raise CommandError(USAGE, "reconcile: --yes goes with --fix")
    with _output.into(args.output, as_json=args.json):
        if args.fix:
            from supervisor.cli._fix import fix  # noqa: PLC0415 - seldom, and heavy

            return fix(args)
        return _compare(args)


def _compare(args: argparse.Namespace) -> int:
    try:
        found = daemon(args, patience=_PATIENCE).ask("POST", "reconcile", body={})
    except AbsentDaemonError:
        found = _look(args)
    if args.json:
        _output.document(found)
    else:
        _books.report(found["books"], found["queues"])
    return _exit_code(found["books"], found["queues"])


def _exit_code(books: dict[str, Any], queues: dict[str, Any]) -> int:
    if books["consistent"] is None or not _books.exist(books, queues):
        return EXIT["unknown"]
    if any(finding["state"] == "hard" and finding["severity"] == "critical" for finding in books["findings"]):
        return EXIT["critical"]
    return EXIT["warning" if books["findings"] else "ok"]


def _look(args: argparse.Namespace) -> dict[str, Any]:
    from supervisor import app  # noqa: PLC0415 - a daemon's answer needs none of this
    from supervisor.cli._configuration import settings_or_fail  # noqa: PLC0415
    from supervisor.faces.documents import account_document  # noqa: PLC0415
    from supervisor.ports import StoreError  # noqa: PLC0415

    try:
        fleet = app.reconcile(settings_or_fail(args))
    except StoreError as error:
        raise CommandError(UNKNOWN, str(error)) from None
    return dict(account_document(fleet.books, fleet.at))
