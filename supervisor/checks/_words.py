"""Words for findings. What agents wrote is quoted on one line and cut, so that it can pass for nothing of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

LONGEST = 200
"""Characters of an agent's text that a finding shows."""

_PLAIN = re.compile(r"[\w#./-]+")
_LINES_SHOWN = 5


def shown(text: str, longest: int = LONGEST) -> str:
    """Return `text` on one line, without characters that a terminal would obey, cut after `longest` characters."""
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def quoted(text: str) -> str:
    """Return `text` as `shown`, in quotes that it can not end."""
    return repr(shown(text))


def named(text: str) -> str:
    """Return a number or a name as it is where it is plain, else `quoted`."""
    return text if len(text) <= LONGEST and _PLAIN.fullmatch(text) else quoted(text)


def short(path: str) -> str:
    """Return a file's name and its folder's: what tells invoices apart."""
    return "/".join(path.rsplit("/", 2)[-2:])


def lines(numbers: Sequence[int]) -> str:
    """Return "lines 5, 12"."""
    more = ", …" if len(numbers) > _LINES_SHOWN else ""
    return f"lines {', '.join(map(str, numbers[:_LINES_SHOWN]))}{more}"


def subject(*parts: str) -> str:
    """Return one text for all `parts`, another for any others."""
    return json.dumps(parts)
