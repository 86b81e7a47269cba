"""Heartbeat files: bytes to beats, and beats to bytes.

An agent's files come in three forms: `NAME.log` (JSON lines), `NAME.json` (one document), `NAME` or
`NAME.beat` (touched). Nothing in them raises: what cannot be read is a `BadLine` that says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct, json
from msgspec.structs import fields

from supervisor.domain.events import NO_EXTRA, Beat, BeatKind, Phase
from supervisor.domain.messages import SCOPES

LINE_LIMIT = 64 * 1024
"""The longest line or document (bytes) that is read."""

SKEW_LIMIT = 60.0
"""How far (s) a timestamp may lie ahead of its receipt without being called a skewed clock."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEMPORARY = (".tmp", ".bak", ".swp", ".swo", "~")
_ROTATED = re.compile(r"\.(?:log|json|beat)[.-]")
_BETWEEN = frozenset("Tt ")
_EARLIEST_NUMBER = 1e9  # 2001: what is smaller counts from a boot, not from 1970
_LATEST = 253402300800.0  # year 10000, which no calendar here can write
_NESTING = 256  # deeper than this could break whoever writes the value out again
_COST_LIMIT = Decimal(10) ** 15
_COST_EXPONENT = -30  # a few bytes of exponent must not become a megabyte of zeros
_QUOTED = 200  # characters of an error's text, which may quote what the agent wrote


class Form(StrEnum):
    """How a heartbeat file speaks."""

    LINES = "lines"
    DOCUMENT = "document"
    TOUCH = "touch"


_FORMS = {"log": Form.LINES, "json": Form.DOCUMENT, "beat": Form.TOUCH}


SUFFIXES = (".log", ".json", "", ".beat")
"""How the names of an agent's files end."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """What could not be read.

    Args:
        number, offset: the line (from 1) and its first byte, counted from where the reading began.
        counted: the line is a beat all the same; only the key that `why` names is not understood.
    """

    number: int
    offset: int
    why: str
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a stretch of a heartbeat file says.

    Args:
        beats: the newest beat of each incarnation in it, oldest first.
        logs: its `log` lines, in the file's order.
        stale: how many recorded misses it holds.
        torn: the unfinished end, to be read again when more has come.
    """

    beats: tuple[Beat, ...] = ()
    logs: tuple[Beat, ...] = ()
    stale: int = 0
    bad: tuple[BadLine, ...] = ()
    torn: bytes = b""

    @property
    def newest(self) -> Beat | None:
        """The newest beat; of two with the same time the later line."""
        return self.beats[-1] if self.beats else None


def agent_name(text: str) -> str:
    """Return `text` if it can name an agent; raise ValueError if not."""
    if _NAME.fullmatch(text) is None:
        raise ValueError(
            f"{text[:80]!r} cannot name an agent: 1 to 64 of A-Z a-z 0-9 . _ - are needed, the first a letter or digit"
        )
    return text


def owner(file_name: str) -> tuple[str, Form] | None:
    """Return whose heartbeat file this is, and its form; None for temporary, rotated and hidden files."""
    if file_name.endswith(_TEMPORARY) or _ROTATED.search(file_name):
        return None
    stem, _, suffix = file_name.rpartition(".")
    form = _FORMS.get(suffix) if stem else None
    name = file_name if form is None else stem
    if name in SCOPES or not _NAME.fullmatch(name):
        return None  # no agent can have the names of what is no agent
    return name, form or Form.TOUCH


def instant(value: str | float) -> float:
    """Return an RFC 3339 text (UTC where it names no zone) or a number as seconds since the epoch.

    Raises ValueError, with the reason, for all else.
    """
    if not isinstance(value, str):
        if not _EARLIEST_NUMBER <= value < _LATEST:
            raise ValueError(f"{value!r} is not in seconds since 1970")
        return float(value)
    if value[10:11] not in _BETWEEN:
        raise ValueError(f"{value[:40]!r} is not an RFC 3339 time")
    try:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = datetime.fromisoformat(value.upper())  # RFC 3339 allows a small "t" and "z"
    except ValueError as error:
        raise ValueError(f"{value[:40]!r} is not an RFC 3339 time: {error}"[:_QUOTED]) from None
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if at < 0:
        raise ValueError(f"{value[:40]!r} lies before 1970")
    return at


# --- what a line may hold ----------------------------------------------------------------------------

_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class _Instant(float):
    """An optional time: decoded by `instant`."""

    __slots__ = ()


def _hook(_: type, value: Any) -> _Instant:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a time")  # noqa: TRY004 - what msgspec turns into a ValidationError
    return _Instant(instant(value))


class _Progress(Struct, forbid_unknown_fields=True, gc=False):
    seq: _Count | None = None
    note: str | None = None


def _is_cost(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= _COST_EXPONENT and 0 <= value < _COST_LIMIT


class _Usage(Struct, forbid_unknown_fields=True, gc=False):
    tokens: Annotated[float, Meta(ge=0)] | None = None
    cost: Decimal | None = None

    def __post_init__(self) -> None:
        if self.cost is not None and not _is_cost(self.cost):
            raise ValueError(f"expected a cost from 0 to {_COST_LIMIT:,}")


class _Line(Struct, forbid_unknown_fields=True, gc=False):
    timestamp: str | float
    stale: bool | None = None
    kind: BeatKind | None = None
    incarnation: Annotated[str, Meta(max_length=128)] | _Count | None = None
    seq: _Count | None = None
    pid: _Count | None = None
    phase: Phase | None = None
    progress: _Progress | None = None
    pending: _Count | None = None
    busy_until: _Instant | None = None
    usage: _Usage | None = None
    message: str | None = None


_NO_PROGRESS, _NO_USAGE = _Progress(), _Usage()
_UNREADABLE = (ValueError, RecursionError)  # every error of msgspec is a ValueError
_decode = json.Decoder(_Line, dec_hook=_hook).decode
_decode_keys = json.Decoder(dict[str, Raw]).decode
_decode_any = json.Decoder().decode
_decoders = {field.name: json.Decoder(field.type, dec_hook=_hook) for field in fields(_Line)}


@dataclass(slots=True)
class _Read:
    """A line that was understood, apart from the keys that `wrong` tells of."""

    line: _Line
    at: float
    extra: Mapping[str, Any]
    wrong: tuple[str, ...] = ()


def _read(data: bytes) -> _Read:
    """Read one line. Raises one of `_UNREADABLE`."""
    try:
        line = _decode(data)
    except _UNREADABLE:
        return _read_oddly(data)
    return _Read(line, instant(line.timestamp), NO_EXTRA)


def _read_oddly(data: bytes) -> _Read:
    """Read a line key by key: one that is unknown or wrong is kept as it stands and spoils nothing else."""
    str(data, "utf-8")  # the next step does not look into the values
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    wrong: list[str] = []
    for key, raw in _decode_keys(data).items():
        if key not in _decoders:
            extra[key] = _plain(raw)
            continue
        try:
            known[key] = _decoders[key].decode(raw)
        except _UNREADABLE as error:
            extra[key] = _plain(raw)
            wrong.append(f"{key}: {error}"[:_QUOTED])
    if "timestamp" not in known:
        raise ValueError(next((why for why in wrong if why.startswith("timestamp:")), "timestamp is missing"))
    if "stale" in extra:
        known["stale"] = True  # a miss that is clumsily recorded must not pass for a beat
    return _Read(_Line(**known), instant(known["timestamp"]), extra or NO_EXTRA, tuple(wrong))


def _plain(raw: Raw) -> Any:
    """Return any JSON value as plain Python, or as its own text where that cannot be."""
    text = bytes(raw)
    if text.count(b"[") + text.count(b"{") <= _NESTING:
        try:
            return _decode_any(text)
        except _UNREADABLE:
            pass
    return text.decode()


def _beat(read: _Read, data: bytes, at: float, skew: float) -> Beat:
    line = read.line
    progress = line.progress or _NO_PROGRESS
    usage = line.usage or _NO_USAGE
    return Beat(
        at=at,
        kind=line.kind or BeatKind.OK,
        fingerprint=blake2b(data, digest_size=8).hexdigest(),
        skew=skew,
        incarnation=None if line.incarnation is None else str(line.incarnation),
        seq=line.seq,
        pid=line.pid,
        phase=line.phase,
        progress_seq=progress.seq,
        progress_note=progress.note,
        pending=line.pending,
        busy_until=None if line.busy_until is None else float(line.busy_until),
        tokens=usage.tokens,
        cost=None if usage.cost is None else f"{usage.cost:f}",
        message=line.message,
        extra=read.extra,
    )


# --- whole files -------------------------------------------------------------------------------------


class _Collector:
    """Takes the lines of one reading, in order. A `Beat` is made only of those that count in the end."""

    def __init__(self, received: float, skew_limit: float) -> None:
        self.received = received
        self.skew_limit = skew_limit
        self.newest: dict[str | int | None, tuple[float, float, _Read, bytes]] = {}
        self.logs: list[Beat] = []
        self.stale = 0
        self.bad: list[BadLine] = []

    def take(self, number: int, offset: int, data: bytes) -> None:
        """Take one line. Raises one of `_UNREADABLE`, having taken nothing."""
        read = _read(data)
        if read.wrong:
            self.bad += [BadLine(number, offset, why, counted=True) for why in read.wrong]
        line = read.line
        if line.stale:
            self.stale += 1
            return
        ahead = read.at - self.received
        at, skew = (self.received, ahead if ahead > self.skew_limit else 0.0) if ahead > 0 else (read.at, 0.0)
        if line.kind is BeatKind.LOG:
            self.logs.append(_beat(read, data, at, skew))
            return
        before = self.newest.get(line.incarnation)
        if before is None or at >= before[0]:
            self.newest.pop(line.incarnation, None)  # so that the order is that of the lines
            self.newest[line.incarnation] = (at, skew, read, data)

    def refuse(self, number: int, offset: int, error: Exception | str) -> None:
        """Note a line that cannot be taken."""
        self.bad.append(BadLine(number, offset, str(error)[:_QUOTED]))

    def parsed(self, torn: bytes = b"") -> Parsed:
        """Return what was taken."""
        beats = [_beat(read, data, at, skew) for at, skew, read, data in self.newest.values()]
        beats.sort(key=lambda beat: beat.at)
        return Parsed(tuple(beats), tuple(self.logs), self.stale, tuple(self.bad), torn)


def _lines(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        yield number, offset, line.strip()
        offset += len(line) + 1


def parse_lines(data: bytes, *, received: float, first_is_torn: bool = False, skew_limit: float = SKEW_LIMIT) -> Parsed:
    """Read JSON lines.

    Args:
        data: the new part of the file, or its end.
        received: when the file was last written, at most now (s since the epoch): no beat counts as later.
        first_is_torn: `data` begins in the middle of a line, which is passed over.
        skew_limit: how far ahead of `received` (s) is not yet worth a word.
    """
    found = _Collector(received, skew_limit)
    ended = data.endswith(b"\n")
    last = data.count(b"\n") + 1
    torn = b""
    for number, offset, line in _lines(data):
        if not line:
            continue
        if len(line) > LINE_LIMIT:
            found.refuse(number, offset, f"the line is longer than {LINE_LIMIT} bytes")
            continue
        if number == 1 and first_is_torn:
            if last == 1:
                found.refuse(number, offset, f"the line is longer than the {len(data)} bytes that were read")
            continue
        try:
            found.take(number, offset, line)
        except _UNREADABLE as error:
            if number == last and not ended:
                torn = data[offset:]
            else:
                found.refuse(number, offset, error)
    return found.parsed(torn)


def parse_document(
    data: bytes, *, received: float, first_is_torn: bool = False, skew_limit: float = SKEW_LIMIT
) -> Parsed:
    """Read one JSON document; arguments as for `parse_lines`. An empty one says nothing yet."""
    found = _Collector(received, skew_limit)
    document = data.strip()
    if first_is_torn or len(document) > LINE_LIMIT:
        found.refuse(1, 0, f"the document is longer than {min(len(data), LINE_LIMIT)} bytes")
    elif document:
        try:
            found.take(1, 0, document)
        except _UNREADABLE as error:
            if "truncated" in str(error):
                return found.parsed(data)
            found.refuse(1, 0, error)
    return found.parsed()


def touched(mtime: float, *, received: float, skew_limit: float = SKEW_LIMIT) -> Beat:
    """Return the beat that a file's mtime is; `received` is now (both s since the epoch)."""
    ahead = mtime - received
    return Beat(
        at=max(0.0, min(mtime, received)),
        fingerprint=f"mtime {mtime!r}",
        skew=ahead if ahead > skew_limit else 0.0,
    )
