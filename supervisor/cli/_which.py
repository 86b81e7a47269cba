"""Which daemon a command asks: the first that listens and watches what the flags name."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from supervisor import paths
from supervisor.cli import _output
from supervisor.cli._client import Daemon
from supervisor.cli._errors import AbsentDaemonError, NoDaemonError


def daemon(args: argparse.Namespace, **how: float) -> Daemon:
    """Return the daemon that runs with the configuration that the flags name; `how` are arguments of `Daemon`.

    Raises AbsentDaemonError where it is sure that none runs, NoDaemonError where one may run that can not be asked,
    or where one runs that watches something else: its answer would be about other agents.
    """
    nobody: list[Path] = []
    closed: list[Path] = []
    differing: list[str] = []
    for socket in paths.control_sockets(args.config, os.environ):
        found = Daemon(socket, **how)
        try:
            found.knock()
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            nobody.append(socket)
        except PermissionError:
            closed.append(socket)
        except OSError as error:
            raise NoDaemonError(f"the daemon does not answer: {error} ({socket})") from None
        else:
            difference = _difference(found, args)
            if difference is None:
                if args.interval is not None:
                    _output.complain("--interval is passed over: the running daemon keeps to its own configuration")
                return found
            differing.append(difference)
    if differing:
        raise NoDaemonError(differing[0])
    raise _none(args, nobody, closed)


def _difference(found: Daemon, args: argparse.Namespace) -> str | None:
    """Return how what the daemon watches differs from what is asked about, None where it does not."""
    # A daemon of our own may run with any file. Who has a file of his own does not mean the system's daemon.
    config = paths.config_file if found.socket == paths.system_socket() else paths.named_config
    wanted = {"config": config(args.config, os.environ), "cache": args.cache_dir, "state": args.state_dir}
    named = {key: path for key, path in wanted.items() if path is not None}
    watches = found.watches() if named else {}
    for key, path in named.items():
        theirs = watches[key]
        if theirs is None or os.path.realpath(path) != os.path.realpath(theirs):
            does = "runs with" if key == "config" else "watches"
            return f"the daemon at {found.socket} {does} {theirs or 'no configuration file'}, not {path}"
    return None


def _none(args: argparse.Namespace, nobody: list[Path], closed: list[Path]) -> NoDaemonError:
    nothing = f"nothing listens at {_listed(nobody)}" if nobody else ""
    if not closed:
        return AbsentDaemonError(f"no daemon is running ({nothing})")
    text = f"the daemon belongs to another user: {_listed(closed)} may not be opened"
    if nothing:
        text += f" ({nothing})"
    # The system's daemon is another matter than ours, unless we come with its configuration.
    ours = paths.config_file(args.config, os.environ) == paths.SYSTEM_CONFIG
    return AbsentDaemonError(text) if closed == [paths.system_socket()] and not ours else NoDaemonError(text)


def _listed(sockets: list[Path]) -> str:
    """Return "A, B or C"."""
    *most, last = map(str, sockets)
    return f"{', '.join(most)} or {last}" if most else last
