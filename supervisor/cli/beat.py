"""`beat NAME`: a heartbeat for shells and cron jobs; needs no daemon.

With a command it says start, runs the command, and says ok or fail. The command has our standard streams, gets the
signals that we get, and its exit code is ours.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import time
from typing import Any, Literal

from supervisor.cli import _output
from supervisor.cli._errors import IO, USAGE, CommandError
from supervisor.client import Heartbeat, Kind
from supervisor.paths import configured

_EPILOG = """\
examples:
  collections-supervisor beat payment-watcher
  collections-supervisor beat mailer --kind fail --message "no access"
  collections-supervisor beat nightly-backup -- ./backup.sh --all

With a command: exit code is the command's own, 128 + N where signal N ended
it, 127 where there is no such command, 126 where it can not be run.
A heartbeat that can not be written does not keep the command from running.
"""

_FORWARDED = {
    *(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH),
}
_NOT_FOUND = 127
_NOT_RUN = 126


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "beat",
        usage="collections-supervisor beat NAME [flags] [-- COMMAND ...]",
        help="send a heartbeat",
        epilog=_EPILOG,
    )
    parser.add_argument("agent", metavar="NAME", help="the agent's name")
    parser.add_argument("--kind", choices=("start", "ok", "fail", "log", "stop"), help="what to say (default ok)")
    parser.add_argument("--message", metavar="TEXT", help="a word with it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Beat; return 0, or the command's exit code."""
    given = {} if args.cache_dir is None else {"cache": args.cache_dir.absolute()}
    try:
        heart = Heartbeat(args.agent, configured(args.config, os.environ, given).heartbeats)
    except ValueError as error:
        raise CommandError(USAGE, str(error)) from None
    if args.command is not None:
        if args.kind is not None or not args.command:
            raise CommandError(USAGE, "beat: a command is needed after --, and no --kind before it")
        return _run(heart, args.command, args.message, as_json=args.json)
    kind: Kind | Literal["log"] = args.kind or "ok"
    # Each call is a process of its own, and the agent is who calls: its life is not ours.
    own = {"pid": os.getppid(), "incarnation": None, "seq": None}
    failure = heart.log(args.message or "", **own) if kind == "log" else heart.beat(args.message, kind=kind, **own)
    if failure is not None:
        raise CommandError(IO, f"the heartbeat can not be written: {failure}")
    if args.json:
        _output.document({"agent": args.agent, "kind": kind, "directory": str(heart.directory)})
    return 0


def _run(heart: Heartbeat, command: list[str], message: str | None, *, as_json: bool) -> int:
    _said(heart.beat(message, kind="start"))
    began = time.monotonic()
    try:
        code, why = _wait(command)
    except FileNotFoundError:
        code, why = _NOT_FOUND, f"{command[0]}: not found"
        _output.complain(why)
    except OSError as error:
        code, why = _NOT_RUN, f"{command[0]}: {error.strerror}"
        _output.complain(why)
    _said(heart.fail(why) if why else heart.ok(message))
    if as_json:
        seconds = round(time.monotonic() - began, 3)
        _output.document({"agent": heart.name, "command": command, "exit_code": code, "seconds": seconds})
    return code


def _wait(command: list[str]) -> tuple[int, str]:
    """Run the command and hand on signals; return its exit code and what went wrong, "" for nothing."""
    waited = _FORWARDED | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    try:
        with subprocess.Popen(
            command,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before),  # noqa: PLW1509 - one thread
        ) as child:
            while child.poll() is None:
                told = signal.sigwaitinfo(waited)
                # What comes from the terminal (sent by the kernel: code over 0) has reached the command already.
                if told.si_signo != signal.SIGCHLD and told.si_code <= 0:
                    child.send_signal(told.si_signo)
            code = child.returncode
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if code < 0:
        return 128 - code, f"ended by {signal.Signals(-code).name}"
    return code, f"exit code {code}" if code else ""


def _said(error: OSError | None) -> None:
    if error is not None:
        _output.complain(f"the heartbeat can not be written: {error}")
