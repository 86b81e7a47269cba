"""Heartbeats that are a whole document, or a touched file."""

from __future__ import annotations

import json

from supervisor.domain.events import BeatKind
from supervisor.formats.heartbeat import Parsed, parse_document, touched
from tests.support.heartbeats import NOON, line


def test_a_document_over_many_lines() -> None:
    data = json.dumps({"timestamp": "2026-02-11T12:00:00", "seq": 3}, indent=2).encode()
    parsed = parse_document(data, received=NOON)
    assert parsed.newest is not None
    assert (parsed.newest.seq, parsed.newest.at) == (3, NOON)
    assert parse_document(data + b"\n", received=NOON + 9) == parsed


def test_a_document_that_is_still_being_written_is_torn() -> None:
    whole = line(seq=3).strip()
    assert parse_document(b" \n", received=NOON) == Parsed()
    for cut in range(1, len(whole)):
        assert parse_document(whole[:cut], received=NOON) == Parsed(torn=whole[:cut])


def test_a_bad_document_is_told() -> None:
    assert "trailing" in parse_document(line() + line(), received=NOON).bad[0].why
    assert "64" in parse_document(b" " * 64, received=NOON, first_is_torn=True).bad[0].why
    assert "65536" in parse_document(b"[" * 100_000, received=NOON).bad[0].why


def test_a_document_may_be_a_recorded_miss_or_a_log() -> None:
    assert parse_document(line(stale=True), received=NOON).stale == 1
    assert len(parse_document(line(kind="log"), received=NOON).logs) == 1


def test_a_touched_file_beats_with_its_mtime() -> None:
    beat = touched(NOON - 5, received=NOON)
    assert (beat.at, beat.kind, beat.skew) == (NOON - 5, BeatKind.OK, 0.0)
    assert touched(NOON - 5, received=NOON + 100) == beat
    assert touched(NOON - 4, received=NOON).fingerprint != beat.fingerprint


def test_a_file_touched_in_the_future_or_the_far_past() -> None:
    assert (touched(NOON + 60, received=NOON).at, touched(NOON + 60, received=NOON).skew) == (NOON, 0.0)
    assert (touched(NOON + 61, received=NOON).at, touched(NOON + 61, received=NOON).skew) == (NOON, 61.0)
    assert touched(-5.0, received=NOON).at == 0.0
