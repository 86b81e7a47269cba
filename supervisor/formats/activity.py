"""The agents' activity logs: JSON lines, of which only what counts and when it was is taken."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from supervisor.domain.findings import CheckName
from supervisor.formats._lines import Complaints, decoder, take_lines
from supervisor.formats.heartbeat import instant


class Activity(StrEnum):
    """What is counted; the value is the name of the log that tells of it."""

    EMAILS_SENT = "email_activity.log"
    PAYMENTS_DETECTED = "payment_activity.log"
    ERRORS = "error.log"


_COUNTED: Mapping[Activity, frozenset[str]] = {
    Activity.EMAILS_SENT: frozenset({"EMAIL_SENT"}),
    Activity.PAYMENTS_DETECTED: frozenset({"PAYMENT_DETECTED"}),
    Activity.ERRORS: frozenset({"ERROR", "CRITICAL"}),
}


class Parsed(Struct, frozen=True):
    """What a stretch of a log says.

    Args:
        times: when each thing that counts was (s since the epoch), in the file's order.
        bad: how many lines cannot be read.
        rest: its unfinished end, to be read again when more has come.
    """

    times: tuple[float, ...]
    bad: int = 0
    rest: bytes = b""


class _Line(Struct, gc=False):
    timestamp: str | float | None = None
    type: str | None = None
    level: str | None = None


_decode = decoder(_Line)


def parse(kind: Activity, data: bytes) -> Parsed:
    """Read a stretch of the log of `kind`. Lines that tell of something else do not count."""
    times: list[float] = []
    complaints = Complaints(CheckName.PARSE)

    def take(_: int, line: bytes) -> None:
        said = _decode(line)
        if (said.level if kind is Activity.ERRORS else said.type) not in _COUNTED[kind]:
            return
        if said.timestamp is None:
            raise ValueError("it has no time")
        times.append(instant(said.timestamp))

    rest = take_lines(data, 1, take, complaints)
    return Parsed(tuple(times), complaints.count, rest)
