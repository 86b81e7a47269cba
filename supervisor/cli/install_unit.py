"""`install-unit`: put systemd's units, users and rules in place, for this command and configuration; start nothing.

A file that is there and as it should be stays. One that was changed by hand is kept, and named.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from supervisor import paths
from supervisor.cli import _units
from supervisor.cli._errors import FAILED, USAGE, CommandError

_PROGRAM = "collections-supervisor"
_USER = "collections"
_READ, _PASS = stat.S_IROTH, stat.S_IXOTH

_FLAGS = ("agents", "state_dir", "cache_dir", "interval", "log_level", "log_format")
"""Flags of every command that would change nothing here."""

_EPILOG = """\
examples:
  collections-supervisor install-unit --user
  collections-supervisor install-unit --dry-run
  collections-supervisor install-unit --user --json
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("install-unit", help="put systemd's units in place", epilog=_EPILOG)
    parser.add_argument("--user", action="store_true", help="for your own systemd, instead of the system's")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the files, have systemd read them, and return 0."""
    _refuse_flags(args)
    _units.need(user=args.user, dry=args.dry_run)
    report = _units.Report(dry=args.dry_run)
    command = _command()
    drop_in = _users(args) if args.user else _systems(args, command, report)
    wanted = _units.files(_quoted(command), drop_in, user=args.user)
    outdated = () if drop_in else _units.drop_ins(user=args.user)
    with report.shown(as_json=args.json):
        report.files += _units.write(wanted, dry=args.dry_run)
        report.files += _units.remove(outdated, dry=args.dry_run)
        _tell(report, user=args.user)
    return 0


def _refuse_flags(args: argparse.Namespace) -> None:
    given = [f"--{name.replace('_', '-')}" for name in _FLAGS if getattr(args, name) is not None]
    if given:
        raise CommandError(USAGE, f"install-unit takes no {' and no '.join(given)}: what a unit does the file says")


def _users(args: argparse.Namespace) -> str:
    from supervisor.cli import _sandbox  # noqa: PLC0415 - brings pydantic
    from supervisor.cli._configuration import settings_or_fail  # noqa: PLC0415

    source = settings_or_fail(args).source
    named = paths.named_config(args.config, os.environ)
    units, manager = _units.units(user=True), _units.manager(user=True)
    read = _units.asked((*manager, "show", "--property=UnitPath", "--value")) if _units.runs(user=True) else []
    if any(read) and str(units) not in " ".join(read).split():
        raise CommandError(
            FAILED,
            f"your systemd does not read {units}: it does not know your $XDG_CONFIG_HOME",
            "unset it for this command, and name the configuration with --config",
        )
    return _sandbox.users(None if named is None or source is None else source.absolute(), os.environ)


def _systems(args: argparse.Namespace, command: Path, report: _units.Report) -> str:
    """Return the system unit's drop-in, once it is sure that the service's user can run the command."""
    from supervisor.cli import _sandbox  # noqa: PLC0415 - brings pydantic
    from supervisor.settings import ConfigError, load  # noqa: PLC0415

    for path in _programs(command):
        if _sandbox.hidden(path) or _barrier(path) is not None:
            raise CommandError(
                FAILED,
                f"user {_USER} can not run {command}: {path} is not open to others, or lies in a home or /tmp",
                "install it where it can: python3 -m venv /opt/collections-supervisor, with the system's own Python",
            )
    try:
        settings = load(None if args.config is None else args.config.absolute(), _sandbox.ENVIRONMENT)
    except ConfigError as error:
        raise CommandError(USAGE, *error.problems) from None
    places = settings.paths
    named = [path for path in (settings.source, places.cache, places.state) if path is not None]
    report.notes += [
        f"{path}: {_USER} may not read it, as far as the mode of {shut} tells; "
        f"open it with: setfacl -m u:{_USER}:rX {shut}"
        for path in dict.fromkeys(_sandbox.ends(named))
        if (shut := _barrier(path)) is not None and not _has_acl(shut)
    ]
    report.notes += [
        f"{path} is not there yet: make it before the start, or the supervisor can not write to it"
        for path in _sandbox.absent(settings)
    ]
    report.notes += [
        f"the service sees all of {path}: a folder below it for what the configuration names there would show it less"
        for path in _sandbox.homes(settings)
    ]
    report.notes += [
        f"{path} is hidden from the service: put it out of homes and /tmp, or, if it is a secret, into a credential"
        for path in _sandbox.unseen(settings)
    ]
    return _sandbox.drop_in(settings)


def _tell(report: _units.Report, *, user: bool) -> None:
    """Have systemd read the files, and say what to type next.

    Each time, whatever was written: it makes good what failed the last time, and does nothing where all is well.
    """
    manager = _units.manager(user=user)
    if not user and not shutil.which("pkaction"):
        report.notes.append("there is no polkit here: without it (Debian: polkitd) no agent@NAME can be restarted")
    if not _units.runs(user=user):
        report.notes.append("no systemd is running here: it reads the files when it starts")
    else:
        for folder, command in (
            ("sysusers.d", ("systemd-sysusers",)),
            ("tmpfiles.d", ("systemd-tmpfiles", "--create")),
        ):
            for path in sorted(path for _, path in report.files if path.parent.name == folder):
                report.do(*command, str(path))
        report.do(*manager, "daemon-reload")
    report.next.append(f"{' '.join(manager)} enable --now {_PROGRAM}")
    if user:
        report.next.append("loginctl enable-linger    (it goes on when you log out)")


def _command() -> Path:
    """Return where the command that is running lies. Raises CommandError."""
    called = shutil.which(sys.argv[0]) if Path(sys.argv[0]).name == _PROGRAM else None
    found = Path(called).absolute() if called else Path(sys.executable).with_name(_PROGRAM)
    if not found.exists():
        raise CommandError(FAILED, f"there is no {found} that a unit could start")
    return found


def _programs(command: Path) -> Iterable[Path]:
    """Return everything that must be read to run the command."""
    return (command, command.resolve(), Path(sys.prefix), Path(sys.base_prefix).resolve(), Path(__file__).resolve())


def _quoted(command: Path) -> str:
    text = str(command)
    if not text.isprintable() or {'"', "'", "\\", "$"} & set(text):
        raise CommandError(FAILED, f"{text}: has characters that are special to systemd")
    text = text.replace("%", "%%")
    return f'"{text}"' if " " in text else text


def _barrier(path: Path) -> Path | None:
    """Return the outermost part of the path that its user may not pass or read, None where there is none.

    What is not there, or is shut to us as well, is in nobody's way as far as we know.
    """
    user, groups = _identity()
    for part in (*reversed(path.parents), path):
        try:
            found = part.stat()
        except OSError:
            return None
        shift = 6 if found.st_uid == user else 3 if found.st_gid in groups else 0
        needed = _PASS if part != path else _READ | _PASS if stat.S_ISDIR(found.st_mode) else _READ
        if found.st_mode >> shift & needed != needed:
            return part
    return None


def _identity() -> tuple[int | None, Collection[int]]:
    """Return the number of the service's user and of its groups; none before there is one."""
    try:
        user = pwd.getpwnam(_USER)
    except KeyError:
        return None, ()
    return user.pw_uid, os.getgrouplist(_USER, user.pw_gid)


def _has_acl(path: Path) -> bool:
    """Whether more than the mode says who may read it."""
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except OSError:
        return False
