"""`silence`: for a time, and for a written reason, nobody is told of what matches."""

from __future__ import annotations

import argparse
import time
from typing import Any

from supervisor.cli import _output
from supervisor.cli._silences import covers, when, windows
from supervisor.cli._times import clock, instant, length
from supervisor.cli._which import daemon

_USAGE = """\
collections-supervisor silence add MATCHER --for LENGTH --comment TEXT
                                          [--from TIME] [--author NAME]
       collections-supervisor silence list
       collections-supervisor silence end ID"""

_EPILOG = """\
examples:
  collections-supervisor silence add mailer --for 2h --comment "bank is down"
  collections-supervisor silence add "books:*" --for 1d --comment "year's end"
  collections-supervisor silence add x --from 2026-12-24 --for 3d --comment y
  collections-supervisor silence list
  collections-supervisor silence end 3f2a9c01

What still fires when a silence ends is told at once. Windows that come again
stand in the configuration, as [maintenance.NAME].
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "silence",
        help="add, list or end silences: nobody is told",
        usage=_USAGE,
        epilog=_EPILOG,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, prog=parser.prog)
    add = actions.add_parser("add", help="be silent about what matches")
    add.add_argument("matcher", metavar="MATCHER", help='an agent, or a pattern of incident keys such as "pay*"')
    add.add_argument("--for", type=length, required=True, metavar="LENGTH", dest="length", help="how long: 2h, 3d")
    add.add_argument("--comment", required=True, metavar="TEXT", help="why")
    add.add_argument(
        "--from", type=instant, metavar="TIME", dest="begin", help="when it begins, in local time or with a zone; now"
    )
    add.add_argument("--author", metavar="NAME", help="who; you, where not given")
    add.set_defaults(run=_add)
    listing = actions.add_parser("list", help="list those that run or are to come, and the windows of maintenance")
    listing.set_defaults(run=_list)
    end = actions.add_parser("end", help="end one now")
    end.add_argument("id", metavar="ID", help="as `silence list` shows it")
    end.set_defaults(run=_end)


def _add(args: argparse.Namespace) -> int:
    wanted = {"matcher": args.matcher, "seconds": args.length, "comment": args.comment}
    wanted |= {"author": args.author, "starts_at": args.begin}
    body = {key: value for key, value in wanted.items() if value is not None}
    silence = daemon(args).ask("POST", "silences", body=body)
    if args.json:
        _output.document(silence)
    else:
        begin = f"from {clock(silence['starts_at'])} " if silence["state"] == "pending" else ""
        _output.say(f"{silence['id']}: {silence['matcher']} is silenced {begin}until {clock(silence['ends_at'])}")
        _output.say(covers(silence))
    return 0


def _list(args: argparse.Namespace) -> int:
    found = daemon(args).ask("GET", "silences")
    if args.json:
        _output.document(found)
        return 0
    now = time.time()
    if found["silences"]:
        rows = [_row(silence, now) for silence in found["silences"]]
        _output.table(rows, ("id", "matcher", "when", "author", "covers", "comment"))
    else:
        _output.say("no silences")
    for line in windows(found["maintenance"], now):
        _output.say(*line)
    return 0


def _end(args: argparse.Namespace) -> int:
    daemon(args).ask("DELETE", "silences", args.id)
    if args.json:
        _output.document({"id": args.id, "ended": True})
    else:
        _output.say(f"{args.id} has ended")
    return 0


def _row(silence: dict[str, Any], now: float) -> list[_output.Piece]:
    author = f"maintenance.{silence['window']}" if silence["window"] else silence["author"]
    return [
        *((silence["id"], "bold"), silence["matcher"], when(silence, now), author),
        *(covers(silence), silence["comment"]),
    ]
