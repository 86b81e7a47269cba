"""What is written is read, and nothing that may stand in a file does worse than a bad line."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.events import Beat, BeatKind, Phase
from supervisor.formats.heartbeat import parse_document, parse_lines
from tests.support.heartbeats import NOON, line, one


def encode(beat: Beat) -> bytes:
    """Return `beat` as an agent would write it. A key of `extra` that a field also names gives way to it."""
    keys = {
        "timestamp": rfc3339(beat.at),
        "kind": beat.kind,
        "incarnation": beat.incarnation,
        "seq": beat.seq,
        "pid": beat.pid,
        "phase": beat.phase,
        "progress": present({"seq": beat.progress_seq, "note": beat.progress_note}),
        "pending": beat.pending,
        "busy_until": None if beat.busy_until is None else rfc3339(beat.busy_until),
        "usage": present({"tokens": beat.tokens, "cost": beat.cost}),
        "message": beat.message,
    }
    return msgspec.json.encode({**beat.extra, **(present(keys) or {})}) + b"\n"


def present(keys: dict[str, Any]) -> dict[str, Any] | None:
    return {key: value for key, value in keys.items() if value is not None} or None


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


KNOWN = {
    *("timestamp", "stale", "kind", "incarnation", "seq", "pid", "phase"),
    *("progress", "pending", "busy_until", "usage", "message"),
}
counts = st.none() | st.integers(0, 2**63 - 1)
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
times = st.integers(0, int(NOON * 1000)).map(lambda ms: ms / 1000)
costs = st.decimals(0, 10**6, places=4).map(lambda value: f"{value:f}")
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable, max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
beats = st.builds(
    Beat,
    at=times,
    kind=st.sampled_from([kind for kind in BeatKind if kind is not BeatKind.LOG]),
    incarnation=texts,
    seq=counts,
    pid=counts,
    phase=st.none() | st.sampled_from(Phase),
    progress_seq=counts,
    progress_note=texts,
    pending=counts,
    busy_until=st.none() | times,
    tokens=st.none() | st.floats(0, 1e15),
    cost=st.none() | costs,
    message=texts,
    extra=st.dictionaries(
        st.text(string.ascii_letters, min_size=1).filter(lambda key: key not in KNOWN), plain, max_size=3
    ),
)


@given(beats)
def test_what_is_written_is_read(beat: Beat) -> None:
    data = encode(beat)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    read = one(data)
    assert read == Beat(**{name: getattr(beat, name) for name in Beat.__slots__} | {"fingerprint": read.fingerprint})
    assert parse_document(data, received=NOON).newest == read


def test_a_field_wins_over_a_key_of_the_same_name() -> None:
    assert one(encode(Beat(NOON, pid=5, extra={"pid": "x", "odd": 1}))).extra == {"odd": 1}


junk = st.binary(max_size=300) | st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b'"', b":", b",", b"\n", b"1e999", b"\\ud800", b"\xff", b"\x00", b"null", b"true"]
    )
    | st.sampled_from([b'"%s"' % key.encode() for key in sorted(KNOWN)])
    | st.just(line().strip()),
    max_size=40,
).map(b"".join)


@given(junk, st.booleans())
def test_no_bytes_do_worse_than_a_bad_line(data: bytes, first_is_torn: bool) -> None:
    for parse in (parse_lines, parse_document):
        parsed = parse(data, received=NOON, first_is_torn=first_is_torn)
        assert data.endswith(parsed.torn)
        for bad in parsed.bad:
            assert 0 <= bad.offset <= len(data)
            assert bad.why
        for beat in parsed.beats:
            assert 0 <= beat.at <= NOON


@given(st.dictionaries(st.sampled_from(sorted(KNOWN - {"timestamp"})), plain, max_size=6))
def test_no_values_take_a_beat_away(keys: dict[str, Any]) -> None:
    parsed = parse_lines(line(**keys), received=NOON)
    assert len(parsed.beats) + len(parsed.logs) + parsed.stale == 1
    assert all(bad.counted for bad in parsed.bad)
    assert all(Decimal(beat.cost) >= 0 for beat in parsed.beats if beat.cost is not None)
