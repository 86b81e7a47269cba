"""Log records for people on a terminal: local time, level, event, agent, then the rest. Safe against hostile text."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

from supervisor.domain.records import Record
from supervisor.faces.lines import TIMES, plain

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "1;31"}
_LONGEST = 1000
_QUOTED = frozenset(" \"'=\\")


class Console:
    """Renders one record as one line; `colours`: with ANSI sequences."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, record: Record, at: float) -> bytes:
        """Return the line of `record`, made at `at` (s since the epoch), without its end."""
        values = {field.name: getattr(record, field.name) for field in fields(record)}
        agent = values.pop("agent", None)
        words = [
            self._paint("2", _clock(at)),
            self._paint(_COLOURS[record.LEVEL], f"{record.LEVEL:<7}"),
            self._paint("1", f"{record.event():<20}"),
        ]
        if agent is not None:
            words.append(self._paint("36", _shown(agent)))
        words += [self._pair(name, value) for name, value in values.items() if value not in (None, "", [])]
        return " ".join(words).encode("utf-8", "backslashreplace")

    def _pair(self, name: str, value: Any) -> str:
        shown = _clock(value) if name in TIMES else _shown(value)
        return self._paint("2", f"{name}=") + shown

    def _paint(self, code: str, words: str) -> str:
        return f"\x1b[{code}m{words}\x1b[0m" if self._colours else words


def _clock(at: float) -> str:
    """Return the local time of day; nonsense as the number it is."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(at))
    except (ValueError, OverflowError, OSError):
        return str(at)


def _shown(value: Any) -> str:
    """Return `value` so that no character of it moves the cursor, turns the text round or looks like another field."""
    value = plain(value, _LONGEST)
    if isinstance(value, str):
        return value if value.isprintable() and not set(value) & _QUOTED else repr(value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)
