"""`drill [FAULT ...]`: rehearse faults on throwaway installations, and compare what comes with what should.

Each fault has a folder, a daemon and agents of its own, with times compressed. Nothing else is touched, and nothing
is left: only where something came otherwise its folder stays, to be looked into.

With --live the running daemon is rehearsed, with an agent that it watches for that alone: faults of the agent, not of
the daemon or the machine. Nobody is told of it, nothing else is touched, and nothing is left but lines in the log.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisor.cli import _output
from supervisor.cli._errors import FAILED, NO_OUTPUT, USAGE, CommandError
from supervisor.domain.words import count

if TYPE_CHECKING:
    from supervisor.cli._client import Daemon
    from supervisor.cli.drills._drill import Drill
    from supervisor.cli.drills._rehearsal import Rehearsed
    from supervisor.cli.drills._step import Step

_TERMINATED = 143
_SHOWN = 60  # characters; --json says all
_WIDE = 100
"""Columns that the table needs."""
_MARKS: dict[bool | None, tuple[str, str]] = {True: ("✔", "green"), False: ("✖", "bold red"), None: ("-", "yellow")}
_EPILOG = """\
examples:
  collections-supervisor drill    (all of them, in about half a minute)
  collections-supervisor drill kill freeze
  collections-supervisor drill --live
  collections-supervisor drill --list

exit codes: 0 nothing came otherwise than expected, 1 something did. What this
machine does not allow is shown, and is no difference.
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("drill", help="rehearse faults, print expected against got", epilog=_EPILOG)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="only these")
    parser.add_argument("--live", action="store_true", help="at the running daemon, with an agent of the drill's own")
    parser.add_argument("--list", action="store_true", help="say which faults there are")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Rehearse and return 0, or 1 where something came otherwise."""
    wanted = _wanted(args.faults, live=args.live)
    if args.list:
        _list(wanted, as_json=args.json)
        return 0
    try:
        return _live(wanted, args) if args.live else _throwaway(wanted, as_json=args.json)
    except asyncio.CancelledError:
        return _TERMINATED


def _wanted(names: Sequence[str], *, live: bool) -> list[Drill]:
    """Return the faults of these names, or all. Raises CommandError."""
    from supervisor.cli.drills._drill import every  # noqa: PLC0415 - more than the parser needs

    known = every()
    possible = {name: drill for name, drill in known.items() if not live or drill.visit is not None}
    for name in names:
        if name not in known:
            raise CommandError(USAGE, f"no fault is called {name}; there are {', '.join(possible)}")
        if name not in possible:
            raise CommandError(USAGE, f"{name} is not for a running daemon; there are {', '.join(possible)}")
    return [possible[name] for name in dict.fromkeys(names)] or list(possible.values())


def _list(drills: list[Drill], *, as_json: bool) -> None:
    if as_json:
        faults = [{"name": drill.name, "about": drill.about, "live": drill.visit is not None} for drill in drills]
        _output.document({"faults": faults})
    else:
        _output.table([[(drill.name, "bold"), drill.about] for drill in drills])


# --- rehearsing --------------------------------------------------------------------------------------


def _throwaway(drills: list[Drill], *, as_json: bool) -> int:
    from supervisor.cli.drills._rehearsal import rehearse  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="collections-drill-"))
    began = time.monotonic()
    done: list[Rehearsed] = []
    try:
        _room_for_sockets(drills, folder)
        done = _done(drills, f"in {folder}", lambda ended: rehearse(drills, folder, ended), as_json=as_json)
    finally:
        kept = _tidy(folder, {one.drill.name for one in done if not one.agrees})
    return _show(done, time.monotonic() - began, kept=kept, as_json=as_json)


def _room_for_sockets(drills: list[Drill], folder: Path) -> None:
    """Raise CommandError where the path of a drill's socket would be too long for the kernel."""
    from supervisor.cli.drills._site import SOCKET  # noqa: PLC0415
    from supervisor.paths import MAX_SOCKET_BYTES  # noqa: PLC0415

    over = max(len(os.fsencode(folder / drill.name / SOCKET)) for drill in drills) - MAX_SOCKET_BYTES
    if over > 0:
        above = folder.parent
        raise CommandError(
            NO_OUTPUT, f"{above} is {count(over, 'byte')} too long for a socket in it: set a shorter $TMPDIR"
        )


def _live(drills: list[Drill], args: argparse.Namespace) -> int:
    from supervisor.cli._which import daemon  # noqa: PLC0415
    from supervisor.cli.drills._visit import visit  # noqa: PLC0415

    found = daemon(args)
    _trusted(found)
    heartbeats = Path(found.watches()["heartbeats"] or "")
    if not os.access(heartbeats, os.W_OK | os.X_OK):
        raise CommandError(NO_OUTPUT, f"no heartbeat can be written in {heartbeats}")
    os.umask(os.umask(0o077) & ~0o044)  # the daemon may be another user, and is to read what its agent writes
    began = time.monotonic()
    at = f"at {found.socket}"
    done = _done(drills, at, lambda ended: visit(drills, found, heartbeats, ended), as_json=args.json)
    return _show(done, time.monotonic() - began, daemon=found.socket, as_json=args.json)


def _trusted(daemon: Daemon) -> None:
    """Raise CommandError while the daemon judges nobody."""
    fleet = daemon.ask("GET", "fleet")
    if not fleet["observed"]:
        words = ", ".join(fleet["doubts"]).replace("_", " ")
        raise CommandError(FAILED, f"the gate is closed ({words}): nothing is judged now; try again later")


def _done(
    drills: Sequence[Drill],
    where: str,
    rehearse: Callable[[Callable[[Rehearsed], None]], Coroutine[Any, Any, list[Rehearsed]]],
    *,
    as_json: bool,
) -> list[Rehearsed]:
    if as_json:
        return asyncio.run(rehearse(lambda _: None))
    _output.say(f"{count(len(drills), 'fault')} {where}: up to half a minute.")
    with _progress([drill.name for drill in drills]) as ended:
        return asyncio.run(rehearse(ended))


@contextmanager
def _progress(names: list[str]) -> Iterator[Callable[[Rehearsed], None]]:
    """Show on a terminal what is still under way."""
    if not sys.stdout.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - not for pipes

    with Console().status(", ".join(names)) as status:

        def ended(one: Rehearsed) -> None:
            names.remove(one.drill.name)
            status.update(", ".join(names))

        yield ended


def _tidy(folder: Path, differing: set[str]) -> Path | None:
    """Remove the folders of all faults but the `differing` ones; return the folder if anything is left."""
    for one in folder.iterdir():
        if one.name not in differing:
            shutil.rmtree(one)
    if differing:
        return folder
    folder.rmdir()
    return None


# --- showing -----------------------------------------------------------------------------------------


def _show(
    done: list[Rehearsed], seconds: float, *, kept: Path | None = None, daemon: Path | None = None, as_json: bool
) -> int:
    """Print what came; return the exit code."""
    differing = [one.drill.name for one in done if not one.agrees]
    if as_json:
        _output.document(_document(done, seconds, kept, daemon))
        return FAILED if differing else 0
    if sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE:
        for one in done:
            _narrow(one)
    else:
        _output.table([row for one in done for row in _rows(one)], ["fault", "took", "expected", "got"])
    impossible = [one.drill.name for one in done if not one.possible]
    tried = count(len(done) - len(impossible), "fault")
    skipped = f"; not possible here: {', '.join(impossible)}" if impossible else ""
    if differing:
        _output.say((f"{len(differing)} of {tried} came otherwise", "bold red"), f": {', '.join(differing)}{skipped}")
    else:
        _output.say((f"{tried}, all as expected", "green"), f"{skipped}; {seconds:.0f} s")
    if kept is not None:
        _output.say(f"their configurations, logs and files: {kept}")
    return FAILED if differing else 0


def _document(done: list[Rehearsed], seconds: float, kept: Path | None, daemon: Path | None) -> dict[str, Any]:
    faults = [
        {
            "name": one.drill.name,
            "about": one.drill.about,
            "agrees": one.agrees,
            "seconds": round(one.seconds, 3),
            "steps": [{**asdict(step), "seconds": round(step.seconds, 3)} for step in one.steps],
        }
        for one in done
    ]
    return {
        "agrees": all(one.agrees for one in done),
        "seconds": round(seconds, 3),
        "daemon": None if daemon is None else str(daemon),
        "folder": None if kept is None else str(kept),
        "faults": faults,
    }


def _narrow(one: Rehearsed) -> None:
    """Print a fault as a terminal has room for it that is too narrow for the table: a line for each step."""
    _output.say((one.drill.name, "bold"))
    for step in one.steps:
        symbol, style = _MARKS[step.agrees]
        _output.say((f" {symbol} ", style), (f"{step.seconds:4.1f} s  ", "dim"), step.expected)
        _output.say("          ", (_told(step), style))


def _rows(one: Rehearsed) -> Iterator[list[_output.Piece]]:
    for number, step in enumerate(one.steps):
        symbol, style = _MARKS[step.agrees]
        yield [
            ("" if number else one.drill.name, "bold"),
            (f"{step.seconds:.1f} s", "dim"),
            step.expected,
            (f"{symbol} {_told(step)}", style),
        ]


def _told(step: Step) -> str:
    """Return what came; shortened only where it is as it should be."""
    text = step.got
    return text if not step.agrees or len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
