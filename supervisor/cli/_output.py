"""What commands print: lines for people, with colours on a terminal only, or one JSON document for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

Piece = str | tuple[str, str]
"""Text, or text and its style."""

_PROGRAM = "collections-supervisor"


def say(*pieces: Piece, hang: int = 0) -> None:
    """Print one line; on a terminal that is too narrow, what follows the first `hang` columns is wrapped there."""
    if not _coloured():
        sys.stdout.write("".join(_plain(_text(piece)) for piece in pieces) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - 30 ms that nobody needs in a pipe
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=sys.stdout, highlight=False)
    whole = Text.assemble(*((_plain(_text(piece)), _style(piece)) for piece in pieces))
    head, tail = whole[:hang], whole[hang:]
    width = console.width - hang
    whole_words = all(len(word) <= width for word in tail.plain.split())  # else it is left to the terminal: paths
    for line in tail.wrap(console, width) if whole_words else [tail]:
        line.rstrip()
        console.print(head + line, soft_wrap=True)
        head = Text(" " * hang)


def table(rows: Iterable[Sequence[Piece]], headers: Sequence[str] = ()) -> None:
    """Print rows with their columns one below the other; the last column is as long as it is."""
    heads: list[Sequence[Piece]] = [[(head.upper(), "bold") for head in headers]] if headers else []
    lines = heads + list(rows)
    widths = [max(len(_plain(_text(cell))) + 2 for cell in column) for column in zip(*lines, strict=True)][:-1]
    for line in lines:
        pieces: list[Piece] = []
        for cell, width in zip(line[:-1], widths, strict=True):
            pieces += [cell, " " * (width - len(_plain(_text(cell))))]
        say(*pieces, line[-1], hang=sum(widths))


def document(value: Any) -> None:
    """Print the JSON document."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def complain(line: str) -> None:
    """Print one line on standard error."""
    sys.stderr.write(f"{_PROGRAM}: {_plain(line)}\n")


def _coloured() -> bool:
    """Whether a person with a colour terminal reads this (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _text(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece[0]


def _style(piece: Piece) -> str:
    return "" if isinstance(piece, str) else piece[1]


def _plain(text: str) -> str:
    """Return `text` with nothing in it that moves a cursor: agents write some of it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
