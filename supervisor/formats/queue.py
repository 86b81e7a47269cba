"""Queues between agents: JSON lines, appended by one agent, taken and unlinked by another."""

from __future__ import annotations

import json
from hashlib import blake2b
from sys import intern
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.ledger import Message
from supervisor.formats._lines import UNREADABLE, Complaints, decoder, take_lines
from supervisor.formats.heartbeat import instant

_Text = Annotated[str, Meta(max_length=256)]  # messages are kept in memory


class Parsed(Struct, frozen=True):
    """What a queue holds. `rest`: its unfinished last line, which is in the making or was broken off."""

    messages: tuple[Message, ...]
    problems: tuple[Problem, ...] = ()
    rest: bytes = b""


class _Line(Struct):
    type: _Text | None = None
    invoice: _Text | None = None
    queued_at: Any = field(name="_queued_at", default=None)


_decode = decoder(_Line)
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="deterministic").encode


def is_queue(name: str) -> bool:
    """Whether a file of the queues' folder is a queue, by its name."""
    return name.endswith(".jsonl") and not name.startswith(".")


def parse(data: bytes) -> Parsed:
    """Read a queue, whole."""
    messages: list[Message] = []
    complaints = Complaints(CheckName.QUEUE_PARSE)

    def take(number: int, line: bytes) -> None:
        said = _decode(line)
        if not said.type:
            raise ValueError("it has no type")
        try:
            queued_at = None if said.queued_at is None else _time(said.queued_at)
        except ValueError:
            queued_at = None
            complaints.add(number, "has no time as its _queued_at", line)  # and is a message all the same
        messages.append(Message(_identity(line), intern(said.type), said.invoice or "", queued_at, number))

    rest = take_lines(data, 1, take, complaints)
    return Parsed(tuple(messages), complaints.told(), rest)


def _time(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("no time")  # noqa: TRY004 - as every other value that is none
    return instant(value)


def _identity(line: bytes) -> bytes:
    """Return the same for lines that say the same, but for the keys that the queue itself adds: they begin with `_`."""
    try:
        values = _decode_any(line)
        canonical = _encode({key: value for key, value in values.items() if key[:1] != "_"})
    except UNREADABLE:
        values = json.loads(line)
        bare = {key: value for key, value in values.items() if key[:1] != "_"}
        canonical = json.dumps(bare, sort_keys=True, separators=(",", ":")).encode()
    return blake2b(canonical, digest_size=16).digest()
