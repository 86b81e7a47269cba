"""`events`: kept log records, one line each; with `-f` as they happen."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from supervisor.cli import _output
from supervisor.cli._client import Daemon, Event
from supervisor.cli._errors import UNKNOWN, USAGE, NoDaemonError, ProblemError
from supervisor.cli._times import since
from supervisor.cli._which import daemon
from supervisor.cli.why import told

_RETRY_EVERY = 1.0
_CATCH_UP = 10_000

_EPILOG = """\
examples:
  collections-supervisor events --since 2h --agent payment-watcher
  collections-supervisor events -f --json | jq .event    (a document a line)
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("events", help="list what happened, oldest first", epilog=_EPILOG)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what happens, until Ctrl-C")
    parser.add_argument("--since", type=since, metavar="WHEN", help="since when: 2h, or 2026-03-01T12:00:00Z")
    parser.add_argument("--agent", metavar="AGENT", help="of this agent only")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (default 50)")
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print the records and return 0."""
    supervisor = daemon(args)
    query = {"since": args.since, "agent": args.agent, "limit": args.limit}
    if args.follow:
        _follow(supervisor, query, as_json=args.json)
    found = supervisor.history(**query)
    if args.json:
        _output.document({"events": found})
    else:
        _output.table([row for document in found for row in told(document, whose=True)])
    return 0


def _follow(supervisor: Daemon, query: dict[str, Any], *, as_json: bool) -> None:
    """Print records for ever, over any number of the daemon's lives; raises only where there is none to begin with."""
    last = ""
    seen = away = False
    while True:
        try:
            for event in supervisor.events(last, **query):
                seen, away, last = True, False, event.id
                _print(event, as_json=as_json)
        except (NoDaemonError, ProblemError) as error:
            if not seen or (isinstance(error, ProblemError) and error.exit_code == USAGE):
                raise
        if not away:
            _output.complain("the daemon has ended; waiting for the next")
        seen = away = True
        if last:
            query = {"agent": query["agent"], "limit": _CATCH_UP}
        time.sleep(_RETRY_EVERY)


def _print(event: Event, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(event.document) + "\n")
    else:
        _output.table(told(event.document, whose=True))
    sys.stdout.flush()
