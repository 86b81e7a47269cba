"""JSON lines that agents wrote: one that cannot be read spoils no other, and none raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, convert
from msgspec.structs import fields

from supervisor.domain.findings import CheckName, Problem

LINE_LIMIT = 1 << 20
"""The longest line (bytes) that is read."""

PROBLEMS_KEPT = 1000
"""So many lines are told one by one, and of more only how many they are."""

UNREADABLE = (ValueError, RecursionError)
"""Whatever reading a line may raise; every error of msgspec is a ValueError."""

_QUOTED = 80  # characters of a line that a problem shows
_WHY = 200  # and of an error's text, which may quote it too

_Line = TypeVar("_Line", bound=Struct)


class Complaints:
    """What is wrong with the lines of a file."""

    def __init__(self, check: CheckName) -> None:
        self.count = 0
        self._check = check
        self._problems: list[Problem] = []

    def add(self, number: int, why: Exception | str, line: bytes) -> None:
        """Note one line."""
        self.count += 1
        if self.count <= PROBLEMS_KEPT:
            found = line[:_QUOTED].decode(errors="backslashreplace").strip()[:_QUOTED]
            self._problems.append(Problem(self._check, f"the line {_reason(why)}"[:_WHY], number, found=found))

    def told(self) -> tuple[Problem, ...]:
        """Return what was noted, in the file's order."""
        untold = self.count - len(self._problems)
        more = [Problem(self._check, f"{untold} more lines cannot be read")] if untold else []
        return (*self._problems, *more)


def _reason(why: Exception | str) -> str:
    match why:
        case str():
            return why
        case UnicodeDecodeError():
            return "is not UTF-8"
        case json.JSONDecodeError():
            return f"is not JSON: {why.msg} (column {why.colno})"
        case RecursionError():
            return "is nested too deeply"
        case _:
            return f"cannot be read: {why}"


def take_lines(data: bytes, first: int, take: Callable[[int, bytes], None], complaints: Complaints) -> bytes:
    """Hand every line to `take`, with its number (from `first` on), and note those for which it raises.

    Returns the unfinished last line, to be read again when more has come; b"" where it could be taken all the same.
    """
    for number, line in enumerate(BytesIO(data), first):
        if line.isspace():
            continue
        try:
            if len(line) > LINE_LIMIT:
                raise ValueError(f"it is longer than {LINE_LIMIT} bytes")
            take(number, line)
        except UNREADABLE as error:
            if not line.endswith(b"\n"):
                return line
            complaints.add(number, error, line)
    return b""


def decoder(kind: type[_Line]) -> Callable[[bytes], _Line]:
    """Return what reads a line as a `kind`, whose fields all have defaults: a value that does not fit is left out.

    It raises one of `UNREADABLE` for what is no JSON object to Python, as which the agents read.
    """
    strict = msgspec.json.Decoder(kind).decode

    def decode(line: bytes) -> _Line:
        if not line.isascii():
            str(line, "utf-8")  # msgspec does not look into the texts that it passes over
        try:
            return strict(line)
        except UNREADABLE:
            return _fitting(kind, line)

    return decode


def _fitting(kind: type[_Line], line: bytes) -> _Line:
    if not line.lstrip().startswith(b"{"):
        raise ValueError("it is no JSON object")
    values = json.loads(line.rstrip())
    fitting: dict[str, Any] = {}
    for one in fields(kind):
        try:
            value = convert(values.get(one.encode_name), one.type)
            msgspec.json.encode(value)  # half a surrogate pair could be written nowhere
        except ValueError:
            continue
        fitting[one.name] = value
    return kind(**fitting)
