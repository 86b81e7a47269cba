"""Where the keys of a JSON document stand in its text, for those who have to mend it."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_DEPTH = 2
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = re.compile(rf"({_STRING})(\s*+:\s*+)?|[{{}}\[\]]", re.DOTALL)
_SCALAR = re.compile(rf"{_STRING}|[^\s,}}\]]+", re.DOTALL)


class Spot(NamedTuple):
    """Where a key stands (line, from 1), and its value as it is written: of an object or a list only what it is."""

    line: int
    value: str


def locate(text: str) -> dict[tuple[str, ...], Spot]:
    """Return the spots of a JSON object's keys, and of the keys of the objects in it.

    Of a key that is there twice the last counts. `text` is known to be JSON; the time is linear in its length.
    """
    spots: dict[tuple[str, ...], Spot] = {}
    way: list[str] = []
    line, counted = 1, 0
    for token in _TOKEN.finditer(text):
        string, colon = token.groups()
        if string is None:
            if token[0] in "{[":
                way.append("")
            else:
                way.pop()
        elif colon is not None and len(way) <= _DEPTH:
            line += text.count("\n", counted, token.start())
            counted = token.start()
            way[-1] = json.loads(string)
            spots[tuple(way)] = Spot(line, _value(text, token.end()))
    return spots


def _value(text: str, start: int) -> str:
    kind = {"{": "an object", "[": "a list"}.get(text[start])
    if kind is not None:
        return kind
    scalar = _SCALAR.match(text, start)
    return scalar[0] if scalar else ""
