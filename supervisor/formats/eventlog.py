"""The event log: JSON lines, of which only what a `Happening` needs is decoded."""

from __future__ import annotations

from sys import intern
from typing import Annotated

from msgspec import Meta, Struct

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Status, status_of
from supervisor.domain.ledger import Happening
from supervisor.formats._lines import Complaints, decoder, take_lines
from supervisor.formats.heartbeat import instant

_Text = Annotated[str, Meta(max_length=256)]  # the last event of every invoice is kept in memory

_KNOWN = frozenset({"state_update", "paid"})


class Parsed(Struct, frozen=True):
    """What a stretch of the event log says. `rest`: its unfinished end, to be read again when more has come."""

    happenings: tuple[Happening, ...]
    problems: tuple[Problem, ...] = ()
    rest: bytes = b""


class _Data(Struct, gc=False):
    status: _Text | None = None


class _Line(Struct, gc=False):
    timestamp: _Text | float | None = None
    event_id: _Text | None = None
    client: _Text | None = None
    invoice: _Text | None = None
    event: _Text | None = None
    data: _Data | None = None


_decode = decoder(_Line)


def parse(data: bytes, first_line: int = 1) -> Parsed:
    """Read a stretch of the event log that begins with the line `first_line`."""
    happenings: list[Happening] = []
    complaints = Complaints(CheckName.PARSE)

    def take(number: int, line: bytes) -> None:
        happenings.append(_happening(_decode(line), number))

    rest = take_lines(data, first_line, take, complaints)
    return Parsed(tuple(happenings), complaints.told(), rest)


def _happening(said: _Line, number: int) -> Happening:
    event = said.event
    if not event:
        raise ValueError("it names no event")
    if not said.invoice and event in _KNOWN:
        raise ValueError("it names no invoice")
    status, word = None, ""
    if event == "paid":
        status, word = Status.PAID, "paid"
    elif event == "state_update" and said.data is not None:
        word = said.data.status or ""
        status = status_of(word)
    return Happening(
        said.event_id or "",
        said.invoice or "",
        intern(said.client or ""),
        intern(event),
        _time(said.timestamp),
        status,
        intern(word),
        number,
    )


def _time(value: str | float | None) -> float | None:
    """Return when it was; None for what is no time: nobody mends a log."""
    try:
        return None if value is None else instant(value)
    except ValueError:
        return None
