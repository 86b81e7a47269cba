"""`uninstall-unit`: stop the service, and take away what `install-unit` has put in place. Users and data stay.

A file that was changed by hand is kept, and named; so is the agents' unit while an agent uses it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from supervisor.cli import _units

_USED = {"active", "activating", "reloading", "deactivating"}

_EPILOG = """\
examples:
  collections-supervisor uninstall-unit --user
  collections-supervisor uninstall-unit --dry-run
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("uninstall-unit", help="stop the service, take its units away", epilog=_EPILOG)
    parser.add_argument("--user", action="store_true", help="from your own systemd, instead of the system's")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Stop the service, remove the files, have systemd forget them, and return 0."""
    _units.need(user=args.user, dry=args.dry_run)
    report = _units.Report(dry=args.dry_run)
    with report.shown(as_json=args.json):
        _take_away(report, user=args.user)
    return 0


def _take_away(report: _units.Report, *, user: bool) -> None:
    manager, units, running = _units.manager(user=user), _units.units(user=user), _units.runs(user=user)
    # "x": there is a drop-in for it or not, its path counts.
    found = [file.path for file in _units.files(_units.COMMAND, "x", user=user)]
    planned = {path: action for action, path in _units.remove(found, dry=True)}
    if running and units / _units.SERVICE in planned:  # one that is kept, too: what it needs goes
        report.do(*manager, "disable", "--now", _units.SERVICE)
    used = _agents(manager, units, running=running)
    if used and planned.get(units / _units.AGENT) == "removed":
        found.remove(units / _units.AGENT)
        report.notes.append(f"{units / _units.AGENT} stays: {', '.join(used)} must be stopped and disabled first")
    report.files += _units.remove(found, dry=report.dry)
    wants = (path for path in units.glob("*.wants/*") if path.name == _units.SERVICE)
    report.files += _units.unlink(wants, dry=report.dry)
    if running:  # whatever was removed: the last time may have failed here
        report.do(*manager, "daemon-reload")
        report.do(*manager, "reset-failed", "collections-supervisor*.service", "collections-alert@*.service")
    elif report.files:
        report.notes.append("no systemd is running here that could stop the service: end it, if it runs")
    if not report.files:
        report.notes.append("nothing of ours is in place")
    elif not user:
        report.notes.append(
            "users collections and collections-agents stay, and their files below /var/lib and /var/cache"
        )


def _agents(manager: tuple[str, ...], units: Path, *, running: bool) -> list[str]:
    """Return the instances of the agents' unit that run, or start with the machine."""
    found = {path.name for path in units.glob("*.wants/agent@?*.service")}
    if running:
        lines = _units.asked((*manager, "list-units", "--all", "--plain", "--no-legend", "agent@*.service"))
        found |= {words[0] for line in lines if (words := line.split())[2:3] and words[2] in _USED}
    return sorted(found)
