"""`alert UNIT`: systemd says that a unit has failed; tell everyone in the escalation chain, without the daemon.

The unit collections-alert@.service runs it, for OnFailure= of the supervisor's own unit. The message has the unit's
result, how its process ended, and the last lines of its journal, quoted as data.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from supervisor.cli import _output
from supervisor.cli._errors import FAILED, USAGE, CommandError

if TYPE_CHECKING:
    from supervisor.settings import Settings

_LINES = 20
"""So many lines of the journal are quoted, and of what is wrong in the configuration."""

_LONGEST = 1000
"""Longest line that is quoted, in characters."""

_PATIENCE = 20.0
"""How long (s) systemd may take to tell; then people are told without."""

_PROPERTIES = ("LoadState", "ActiveState", "Result", "ExecMainCode", "ExecMainStatus", "InvocationID")
_KILLED = {"2", "3"}  # CLD_KILLED, CLD_DUMPED

_EPILOG = """\
examples:
  collections-supervisor alert collections-supervisor.service
  collections-supervisor alert --user collections-supervisor.service
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("alert", help="tell people that a unit has failed", epilog=_EPILOG)
    parser.add_argument("unit", metavar="UNIT", help="the unit that failed")
    parser.add_argument("--user", action="store_true", help="a unit of the user's own systemd")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the message; return 0 where every channel of the chain took it, or the unit is not failed, else 1.

    It is 1 as well where some of who is to be told could not be read: the others are told of that, too.
    """
    from supervisor import app  # noqa: PLC0415 - everything comes with it
    from supervisor.domain.messages import unit_message  # noqa: PLC0415
    from supervisor.faces.documents import outcome_document  # noqa: PLC0415

    manager = ["--user"] if args.user else []
    shown = _said("systemctl", *manager, "show", f"--property={','.join(_PROPERTIES)}", "--", args.unit)
    unit = dict(line.split("=", 1) for line in shown if "=" in line)
    if unit.get("LoadState") == "not-found":
        raise CommandError(FAILED, f"there is no unit {args.unit}")
    if (state := unit.get("ActiveState", "failed")) != "failed":
        # From version 254 on systemd triggers OnFailure= at each automatic restart, not only where it gives up.
        _output.complain(f"{args.unit} is {state}: nobody is told")
        if args.json:
            _output.document({"message": None, "channels": {}})
        return 0
    which = "--user-unit" if args.user else "--unit"
    journal = _said(
        *("journalctl", f"{which}={args.unit}", f"--lines={_LINES}", "--output=cat", "--all", "--no-pager", "--quiet")
    )
    now = time.time()
    result = unit.get("Result") or "systemd does not say why"
    settings, wrong, whole = _settings(args)
    message = unit_message(
        *(args.unit, result, _ended(unit), _bounded(journal[-_LINES:]), now),
        user=args.user,
        wrong=_bounded(wrong[:_LINES]),
    )
    name = f"unit.{args.unit}.{unit.get('InvocationID') or f'{now:.0f}'}"
    outcomes = app.alarm(settings, message, name)
    if not outcomes:
        raise CommandError(FAILED, "no channel is configured: nobody is told")
    channels = {name: outcome_document(outcome) for name, outcome in outcomes.items()}
    if args.json:
        _output.document({"message": message, "channels": channels})
    else:
        _output.outcomes(channels)
    return 0 if whole and all(outcome["ok"] for outcome in channels.values()) else FAILED


def _settings(args: argparse.Namespace) -> tuple[Settings, Sequence[str], bool]:
    """Return the configuration, what is wrong in it, which may be why we are here, and whether all may be told."""
    from supervisor.cli._configuration import settings  # noqa: PLC0415 - brings pydantic
    from supervisor.settings import ConfigError, load_telling  # noqa: PLC0415

    try:
        return settings(args), (), True
    except ConfigError as error:
        wrong = error.problems
    try:
        found, left_out = load_telling(args.config, os.environ)
    except ConfigError:
        raise CommandError(USAGE, *wrong, "nobody is told") from None
    wrong = tuple(dict.fromkeys((*wrong, *left_out)))
    for problem in wrong:
        _output.complain(problem)
    return found, wrong, not left_out


def _bounded(lines: Sequence[str]) -> list[str]:
    return [line[:_LONGEST] for line in lines]


def _ended(unit: Mapping[str, str]) -> str:
    """Return how the main process ended, in words."""
    code, status = unit.get("ExecMainCode"), unit.get("ExecMainStatus", "")
    if code in _KILLED:
        with suppress(ValueError):
            return f"ended by {signal.Signals(int(status)).name}"
        return f"ended by signal {status}"
    return f"exit status {status}" if code == "1" else "its process did not run"


def _said(*command: str) -> list[str]:
    """Return the lines that `command` prints; none where it can not: people are told without them."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        _output.complain(f"{command[0]}: {error}")
        return []
    if done.returncode:
        _output.complain(f"{command[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace").splitlines()
