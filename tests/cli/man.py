"""The man page, made from the parser: `python -m tests.cli.man > supervisor/cli/collections-supervisor.1`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from argparse_manpage.manpage import Manpage

from supervisor.cli._main import PROGRAM, whole_parser

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "supervisor" / "cli" / f"{PROGRAM}.1"

FILES = r"""
.TP
.I $XDG_CONFIG_HOME/collections\-supervisor/config.toml
The configuration; else
.IR /etc/collections\-supervisor/config.toml .
None is needed.
.TP
.I $XDG_STATE_HOME/collections\-supervisor/
The journal; under systemd
.IR $STATE_DIRECTORY .
.TP
.I $XDG_RUNTIME_DIR/collections\-supervisor/control.sock
What the commands ask the daemon by; under systemd in
.IR $RUNTIME_DIRECTORY .
""".strip()

ENVIRONMENT = r"""
.TP
.B COLLECTIONS_SUPERVISOR_CONFIG
The configuration, where no
.B \-\-config
is given.
.TP
.B NO_COLOR
Where it is set, nothing is coloured.
""".strip()

SEE_ALSO = r"""
.BR systemd.service (5),
.BR systemctl (1),
.BR journalctl (1)
""".strip()


def page() -> str:
    """Return the page, in man(7), dated as the changelog's newest version."""
    os.environ["COLUMNS"] = "80"
    parser = whole_parser()
    for command in _commands(parser):
        # The generator leaves epilogs of commands out, and they have the examples.
        epilog = (command.epilog or "").rpartition("The flags that every command takes")[0].strip()
        command.description = "\n\n".join(filter(None, (command.description, epilog)))
    intro, examples, rest, exits = _parts(parser.epilog or "")
    parser.description = f"{parser.description}\n\n{intro}\n\n{rest}"
    parser.epilog = None
    made = Manpage(parser, {"description": "supervise unattended agents", "manual_title": "User Commands"} | _release())
    lines = str(made).rstrip("\n")
    sections = {
        "EXAMPLES": f".nf\n{_escaped(examples)}\n.fi",
        "EXIT STATUS": _escaped(exits),
        "FILES": FILES,
        "ENVIRONMENT": ENVIRONMENT,
        "SEE ALSO": SEE_ALSO,
    }
    return "\n".join([lines, *(f".SH {name}\n{text}" for name, text in sections.items())]) + "\n"


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return list(subparsers.choices.values())


def _parts(epilog: str) -> tuple[str, str, str, str]:
    """Return what stands before the examples, the examples, what stands behind them, and the exit codes."""
    intro, _, after = epilog.partition("\n\nexamples:\n")
    examples, _, after = after.partition("\n\n")
    rest, _, exits = after.partition("\n\nexit codes: ")
    return intro, examples, rest, exits.strip()


def _release() -> dict[str, str]:
    found = re.search(r"^## \[([\d.]+)\] - ([\d-]+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert found, "the changelog has no release"
    return {"version": found[1], "date": found[2]}


def _escaped(text: str) -> str:
    return text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")


if __name__ == "__main__":
    sys.stdout.write(page())
