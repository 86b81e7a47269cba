"""`completion SHELL`: a script that has a shell complete commands, flags and names.

The names are asked of the running daemon at the moment they are completed; where none runs, none are offered.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any

from supervisor.cli import _output
from supervisor.cli._client import Daemon
from supervisor.cli._errors import UNKNOWN
from supervisor.cli._which import daemon

SHELLS = ("bash", "zsh", "fish")

_PATIENCE = 2.0
"""How long (s) whoever presses Tab waits at most."""

_EPILOG = """\
examples:
  collections-supervisor completion bash > collections-supervisor
  collections-supervisor completion zsh > _collections-supervisor
  collections-supervisor completion fish > collections-supervisor.fish

bash looks in ~/.local/share/bash-completion/completions, fish in
~/.config/fish/completions, zsh in the folders that its fpath names.

agents, incidents, silences and channels, in a shell's place, list the names
that the scripts ask for.
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("completion", help="print a completion script for a shell", epilog=_EPILOG)
    choices = (*SHELLS, *_NAMES)
    parser.add_argument("what", choices=choices, metavar="SHELL", help=", ".join(SHELLS))
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print the script, or the names, and return 0."""
    found = _script(args.what) if args.what in SHELLS else "\n".join(_NAMES[args.what](args))
    if args.json:
        _output.document({args.what: found if args.what in SHELLS else found.split()})
    elif found:
        sys.stdout.write(f"{found}\n")
    return 0


# --- names -------------------------------------------------------------------------------------------


def _daemon(args: argparse.Namespace) -> Daemon:
    return daemon(args, patience=_PATIENCE)


def _agents(args: argparse.Namespace) -> list[str]:
    return [agent["name"] for agent in _daemon(args).ask("GET", "fleet")["agents"]]


def _incidents(args: argparse.Namespace) -> list[str]:
    return [incident["id"] for incident in _daemon(args).ask("GET", "fleet")["incidents"]]


def _silences(args: argparse.Namespace) -> list[str]:
    return [silence["id"] for silence in _daemon(args).ask("GET", "silences")["silences"]]


def _channels(args: argparse.Namespace) -> list[str]:
    from supervisor.cli._configuration import settings_or_fail  # noqa: PLC0415 - only channels need it

    return list(settings_or_fail(args).channels)


_NAMES: dict[str, Callable[[argparse.Namespace], list[str]]] = {
    "agents": _agents,
    "incidents": _incidents,
    "silences": _silences,
    "channels": _channels,
}


# --- the script --------------------------------------------------------------------------------------


def _script(shell: str) -> str:
    import shtab  # noqa: PLC0415 - nobody else needs it

    from supervisor.cli._main import whole_parser  # noqa: PLC0415

    parser = whole_parser()
    for owner, action in _arguments(parser):
        names = _named_by(owner, action)
        if names is not None:
            action.complete = _asked(names)
        elif action.metavar in {"FILE", "DIR"}:
            action.complete = shtab.FILE if action.metavar == "FILE" else shtab.DIRECTORY
    return str(shtab.complete(parser, shell=shell))


_METAVARS = {"AGENT": "agents", "A,B": "agents", "MATCHER": "agents", "CHANNEL": "channels"}


def _asked(names: str) -> dict[str, Any]:
    """Return how each shell asks for these names, anew each time."""
    import shtab  # noqa: PLC0415

    command = f"collections-supervisor completion {names} 2>/dev/null"
    asked: dict[str, Any] = shtab.cmd(command)
    # What shtab writes for zsh would be asked for once, when the script is loaded.
    function = f"_collections_supervisor_{names}"
    body = f'{function}() {{ local -a names; names=(${{(f)"$({command})"}}); compadd -a names }}'
    return {**asked, "zsh": function, "preamble": {**asked["preamble"], "zsh": body}}


def _named_by(owner: str, action: Any) -> str | None:
    """Return what the argument of this command names, None where it is no name."""
    if action.metavar == "ID":
        return "silences" if "silence" in owner else "incidents"
    return _METAVARS.get(action.metavar)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, Any]]:
    """Yield every argument of the parser and of its commands, with the command that it is of."""
    for action in parser._actions:  # noqa: SLF001 - argparse tells nobody, and shtab looks there too
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _arguments(command)
        else:
            yield parser.prog, action
