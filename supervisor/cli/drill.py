"""`drill [FAULT ...]`: rehearse faults on throwaway installations, and compare what comes with what should.

Each fault has a folder, a daemon and agents of its own, with times compressed. Nothing else is touched, and nothing
is left: only where something came otherwise its folder stays, to be looked into.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisor.cli import _output
from supervisor.cli._errors import FAILED, USAGE, CommandError
from supervisor.domain.words import count

if TYPE_CHECKING:
    from supervisor.cli.drills._drill import Drill
    from supervisor.cli.drills._rehearsal import Rehearsed

_TERMINATED = 143
_SHOWN = 60  # characters; --json says all
_MARKS: dict[bool | None, tuple[str, str]] = {True: ("✔", "green"), False: ("✖", "bold red"), None: ("-", "yellow")}
_EPILOG = """\
examples:
  collections-supervisor drill    (all of them, in about half a minute)
  collections-supervisor drill kill freeze
  collections-supervisor drill --list

exit codes: 0 everything came as expected, 1 something did not.
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("drill", help="rehearse faults, print expected against got", epilog=_EPILOG)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="only these")
    parser.add_argument("--list", action="store_true", help="say which faults there are")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Rehearse and return 0, or 1 where something came otherwise."""
    from supervisor.cli.drills._drill import every  # noqa: PLC0415 - more than the parser needs

    known = every()
    if unknown := [name for name in args.faults if name not in known]:
        raise CommandError(USAGE, f"no fault is called {unknown[0]}; there are {', '.join(known)}")
    wanted = [known[name] for name in dict.fromkeys(args.faults)] or list(known.values())
    if args.list:
        _list(wanted, as_json=args.json)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="collections-drill-"))
    began = time.monotonic()
    done: list[Rehearsed] = []
    try:
        done = _rehearse(wanted, folder, quiet=args.json)
    except asyncio.CancelledError:
        return _TERMINATED
    finally:
        kept = _tidy(folder, {one.drill.name for one in done if not one.agrees})
    _show(done, kept, time.monotonic() - began, as_json=args.json)
    return 0 if kept is None else FAILED


def _list(drills: list[Drill], *, as_json: bool) -> None:
    if as_json:
        _output.document({"faults": [{"name": drill.name, "about": drill.about} for drill in drills]})
    else:
        _output.table([[(drill.name, "bold"), drill.about] for drill in drills])


def _rehearse(drills: Sequence[Drill], folder: Path, *, quiet: bool) -> list[Rehearsed]:
    from supervisor.cli.drills._rehearsal import rehearse  # noqa: PLC0415

    if quiet:
        return asyncio.run(rehearse(drills, folder, lambda _: None))
    _output.say(f"{count(len(drills), 'fault')} in {folder}: up to half a minute.")
    with _progress([drill.name for drill in drills]) as ended:
        return asyncio.run(rehearse(drills, folder, ended))


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


def _show(done: list[Rehearsed], kept: Path | None, seconds: float, *, as_json: bool) -> None:
    if as_json:
        faults = [
            {
                "name": one.drill.name,
                "about": one.drill.about,
                "agrees": one.agrees,
                "seconds": round(one.seconds, 3),
                "steps": [asdict(step) for step in one.steps],
            }
            for one in done
        ]
        folder = None if kept is None else str(kept)
        _output.document({"agrees": kept is None, "seconds": round(seconds, 3), "folder": folder, "faults": faults})
        return
    _output.table([row for one in done for row in _rows(one)], ["fault", "took", "expected", "got"])
    differing = [one.drill.name for one in done if not one.agrees]
    impossible = [one.drill.name for one in done if not one.possible]
    if kept is None:
        _output.say((f"{count(len(done), 'fault')}, all as expected", "green"), f"; {seconds:.0f} s")
    else:
        _output.say(
            (f"{len(differing)} of {count(len(done), 'fault')} came otherwise", "bold red"), f": {', '.join(differing)}"
        )
        _output.say(f"their configurations, logs and files: {kept}")


def _rows(one: Rehearsed) -> Iterator[list[_output.Piece]]:
    for number, step in enumerate(one.steps):
        first = number == 0
        symbol, style = _MARKS[step.agrees]
        yield [
            (one.drill.name if first else "", "bold"),
            (f"{step.seconds:.1f} s", "dim"),
            step.expected,
            (f"{symbol} {_shortened(step.got)}", style),
        ]


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
