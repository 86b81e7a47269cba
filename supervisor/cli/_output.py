"""What commands print: lines for people, with colours on a terminal only, or one JSON document for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from supervisor.cli._errors import NO_OUTPUT, CommandError

Piece = str | tuple[str, str]
"""Text, or text and its style."""

SEVERITIES = {"critical": "bold red", "warning": "yellow"}
"""The style of each."""

_PROGRAM = "collections-supervisor"


def say(*pieces: Piece, hang: int = 0) -> None:
    """Print one line; on a terminal that is too narrow, what follows the first `hang` columns is wrapped there."""
    if not _coloured():
        sys.stdout.write("".join(plain(_text(piece)) for piece in pieces) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - 30 ms that nobody needs in a pipe
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=sys.stdout, highlight=False)
    whole = Text.assemble(*((plain(_text(piece)), _style(piece)) for piece in pieces))
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
    widths = [max(len(plain(_text(cell))) + 2 for cell in column) for column in zip(*lines, strict=True)][:-1]
    for line in lines:
        pieces: list[Piece] = []
        for cell, width in zip(line[:-1], widths, strict=True):
            pieces += [cell, " " * (width - len(plain(_text(cell))))]
        say(*pieces, line[-1], hang=sum(widths))


def outcomes(channels: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what came of a message, a line for each channel."""
    table(
        [("✔ sent", "green"), name, ""] if outcome["ok"] else [("✖ failed", "bold red"), name, outcome["error"]]
        for name, outcome in channels.items()
    )


def too_low(lines: int) -> bool:
    """Whether a terminal has no room for so many lines, and as many again as it takes to tell the rest."""
    from shutil import get_terminal_size  # noqa: PLC0415 - nobody needs it in a pipe

    return sys.stdout.isatty() and lines > get_terminal_size().lines // 2


def document(value: Any) -> None:
    """Print the JSON document."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def note(text: str) -> None:
    """Print what belongs to the line above: set in, and on a terminal no wider than that is."""
    lines = [text]
    if sys.stdout.isatty():
        from shutil import get_terminal_size  # noqa: PLC0415 - nobody needs them in a pipe
        from textwrap import wrap  # noqa: PLC0415

        lines = wrap(plain(text), max(20, get_terminal_size().columns - 2))
    for line in lines:
        say("  ", line)


@contextmanager
def into(path: Path | None, *, as_json: bool) -> Iterator[None]:
    """Print to the file `path` instead, the whole or nothing; where it is None, as always. Raises CommandError.

    A JSON document is printed as well: programs find it where they always do.
    """
    if path is None:
        yield
        return
    with redirect_stdout(StringIO()) as text:
        yield
    write(path, text.getvalue().encode("utf-8", "backslashreplace"))
    if as_json:
        sys.stdout.write(text.getvalue())
    else:
        say(f"{path} written")


def write(path: Path, data: bytes) -> None:
    """Write the whole file or nothing: whoever reads meanwhile sees the old one. Raises CommandError."""
    from supervisor.filesystem import write_atomic  # noqa: PLC0415 - seldom needed

    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # /dev/stdout, or a pipe: nothing that a rename should replace
        else:
            write_atomic(path, data)
    except OSError as error:
        raise CommandError(NO_OUTPUT, f"{path} can not be written: {error.strerror}") from None


def complain(line: str) -> None:
    """Print one line on standard error."""
    sys.stderr.write(f"{_PROGRAM}: {plain(line)}\n")


def _coloured() -> bool:
    """Whether a person with a colour terminal reads this (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _text(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece[0]


def _style(piece: Piece) -> str:
    return "" if isinstance(piece, str) else piece[1]


def plain(text: str) -> str:
    """Return `text` with nothing in it that moves a cursor: agents write some of it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
