"""`silence`: for a time, and for a written reason, nobody is told of what matches."""

from __future__ import annotations

import argparse
import time
from typing import Any

from supervisor.cli import _output
from supervisor.cli._times import ago, clock, length
from supervisor.cli._which import daemon

_EPILOG = """\
examples:
  collections-supervisor silence add mailer --for 2h --comment "bank is down"
  collections-supervisor silence add "books:*" --for 1d --comment "year's end"
  collections-supervisor silence list
  collections-supervisor silence end 3f2a9c01

What still fires when a silence ends is told at once.
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("silence", help="add, list or end silences: nobody is told", epilog=_EPILOG)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="be silent about what matches")
    add.add_argument("matcher", metavar="MATCHER", help='an agent, or a pattern of incident keys such as "pay*"')
    add.add_argument("--for", type=length, required=True, metavar="LENGTH", dest="length", help="how long: 2h, 3d")
    add.add_argument("--comment", required=True, metavar="TEXT", help="why")
    add.add_argument("--author", metavar="NAME", help="who; you, where not given")
    add.set_defaults(run=_add)
    actions.add_parser("list", help="list those that run").set_defaults(run=_list)
    end = actions.add_parser("end", help="end one now")
    end.add_argument("id", metavar="ID", help="as `silence list` shows it")
    end.set_defaults(run=_end)


def _add(args: argparse.Namespace) -> int:
    body = {"matcher": args.matcher, "seconds": args.length, "comment": args.comment}
    if args.author is not None:
        body["author"] = args.author
    silence = daemon(args).ask("POST", "silences", body=body)
    if args.json:
        _output.document(silence)
    else:
        _output.say(f"{silence['id']}: {silence['matcher']} is silenced until {clock(silence['ends_at'])}")
    return 0


def _list(args: argparse.Namespace) -> int:
    found = daemon(args).ask("GET", "silences")["silences"]
    if args.json:
        _output.document({"silences": found})
    elif found:
        _output.table([_row(silence) for silence in found], ("id", "matcher", "ends", "author", "comment"))
    else:
        _output.say("no silences")
    return 0


def _end(args: argparse.Namespace) -> int:
    daemon(args).ask("DELETE", "silences", args.id)
    if args.json:
        _output.document({"id": args.id, "ended": True})
    else:
        _output.say(f"{args.id} has ended")
    return 0


def _row(silence: dict[str, Any]) -> list[_output.Piece]:
    ends = ago(silence["ends_at"], time.time())
    return [(silence["id"], "bold"), silence["matcher"], ends, silence["author"], silence["comment"]]
