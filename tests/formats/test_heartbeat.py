from __future__ import annotations

import json
import math
import string
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.events import Beat, BeatKind, Phase
from supervisor.formats.heartbeat import (
    LINE_LIMIT,
    Form,
    Parsed,
    agent_name,
    instant,
    owner,
    parse_document,
    parse_lines,
    touched,
)

NOON = datetime(2026, 2, 11, 12, 0, 0, tzinfo=UTC).timestamp()


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


def line(**keys: Any) -> bytes:
    return json.dumps({"timestamp": "2026-02-11T12:00:00Z", **keys}).encode() + b"\n"


def one(data: bytes, received: float = NOON) -> Beat:
    parsed = parse_lines(data, received=received)
    assert parsed.bad == ()
    assert parsed.newest is not None
    return parsed.newest


# --- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "9", "collections-emailer", "a.b_c-d", "A" * 64])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert agent_name(name) == name


@pytest.mark.parametrize("name", ["", ".a", "-a", "../etc", "a/b", "a b", "a\n", "ä", "A" * 65, "a\x00"])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an agent"):
        agent_name(name)


@pytest.mark.parametrize(
    ("file", "agent", "form"),
    [
        ("a.log", "a", Form.LINES),
        ("a.json", "a", Form.DOCUMENT),
        ("a", "a", Form.TOUCH),
        ("a.beat", "a", Form.TOUCH),
        ("a.b", "a.b", Form.TOUCH),
        ("a.b.log", "a.b", Form.LINES),
        ("payment-watcher.v2.json", "payment-watcher.v2", Form.DOCUMENT),
    ],
)
def test_a_file_belongs_to_an_agent(file: str, agent: str, form: Form) -> None:
    assert owner(file) == (agent, form)


@pytest.mark.parametrize(
    "file",
    [
        "a.json.tmp",
        "a.tmp",
        "a.log.bak",
        "a.log~",
        ".a.log.swp",
        "a.swp",
        ".a.json",
        ".log",
        "a.log.1",
        "a.log-20260211",
        "a.log.2.gz",
        "",
        "..",
        "a b.log",
        "\udcff.log",
        "A" * 65 + ".log",
    ],
)
def test_a_temporary_rotated_or_hidden_file_is_nobodys(file: str) -> None:
    assert owner(file) is None


# --- times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-11T12:00:00",
        "2026-02-11T12:00:00Z",
        "2026-02-11t12:00:00z",
        "2026-02-11 12:00:00",
        "2026-02-11T12:00:00.0Z",
        "2026-02-11T12:00:00.000000000+00:00",
        "2026-02-11T17:30:00+05:30",
        "2026-02-11T04:00:00-08:00",
        "2026-02-11T12:00Z",
        1770811200,
        1770811200.0,
    ],
)
def test_every_way_to_write_noon(text: str | float) -> None:
    assert instant(text) == NOON


@pytest.mark.parametrize(
    "value",
    [
        "",
        "noon",
        "2026-02-11",
        "20260211T120000",
        "2026-02-30T12:00:00Z",
        "2026-02-11T25:00:00Z",
        "2026-02-11T12:00:00+99:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "x" * 100_000,
        0,
        12.5,
        -1,
        1770811200000,
        math.inf,
        math.nan,
    ],
)
def test_what_is_no_time_is_refused_in_few_words(value: str | float) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|1970") as refusal:
        instant(value)
    assert len(str(refusal.value)) <= 200


@given(st.datetimes(datetime(1971, 1, 1), datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_any_time_in_any_zone(moment: datetime, minutes: int) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert instant(there.isoformat()) == there.timestamp()
    assert instant(moment.isoformat()) == moment.replace(tzinfo=UTC).timestamp()


@given(st.text() | st.floats() | st.integers())
def test_no_value_does_worse_than_a_refusal(value: str | float) -> None:
    try:
        assert instant(value) >= 0
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either end is right


# --- one line ----------------------------------------------------------------------------------------


def test_the_shortest_beat() -> None:
    beat = one(b'{"timestamp": "2026-02-11T11:59:00"}\n')
    assert (beat.at, beat.kind, beat.skew, beat.extra) == (NOON - 60, BeatKind.OK, 0.0, {})
    assert len(beat.fingerprint) == 16


def test_every_key() -> None:
    beat = one(
        line(
            kind="start",
            incarnation="b7f",
            seq=4,
            pid=4711,
            phase="critical",
            progress={"seq": 12, "note": "page 3"},
            pending=5,
            busy_until="2026-02-11T12:10:00Z",
            usage={"tokens": 1200, "cost": "0.10"},
            message="hello",
        )
    )
    assert beat == Beat(
        at=NOON,
        kind=BeatKind.START,
        fingerprint=beat.fingerprint,
        incarnation="b7f",
        seq=4,
        pid=4711,
        phase=Phase.CRITICAL,
        progress_seq=12,
        progress_note="page 3",
        pending=5,
        busy_until=NOON + 600,
        tokens=1200.0,
        cost="0.10",
        message="hello",
    )


def test_a_key_that_is_null_is_a_key_left_out() -> None:
    keys = ("stale", "kind", "incarnation", "seq", "pid", "phase", "progress", "pending", "busy_until", "usage")
    assert one(line(message=None, **dict.fromkeys(keys))).extra == {}


def test_unknown_keys_are_kept() -> None:
    assert one(line(status="fine", detail={"n": [1, 2.5, None]}, pid=3)).extra == {
        "status": "fine",
        "detail": {"n": [1, 2.5, None]},
    }


def test_unknown_keys_inside_a_known_one_are_kept_beside_what_is_understood() -> None:
    parsed = parse_lines(line(usage={"tokens": 5, "model": "x"}), received=NOON)
    assert parsed.newest is not None
    assert parsed.newest.extra == {"usage": {"tokens": 5, "model": "x"}}
    assert [bad.counted for bad in parsed.bad] == [True]
    assert "model" in parsed.bad[0].why


def test_a_cost_keeps_the_digits_that_were_written() -> None:
    def cost(text: str) -> str | None:
        return one(b'{"timestamp": "2026-02-11T12:00:00", "usage": {"cost": %s}}\n' % text.encode()).cost

    assert cost("0.10") == "0.10"
    assert cost('"12.500"') == "12.500"
    assert cost("0.1000000000000000055511151231") == "0.1000000000000000055511151231"
    assert cost("1e3") == "1000"
    assert cost("7") == "7"


def test_an_incarnation_may_be_a_number() -> None:
    assert one(line(incarnation=4711)).incarnation == "4711"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "FINE"),
        ("incarnation", 1.5),
        ("incarnation", "x" * 129),
        ("seq", "4"),
        ("seq", -1),
        ("seq", 2**63),
        ("pid", True),
        ("phase", "sleeping"),
        ("progress", 5),
        ("progress", {"seq": "x"}),
        ("pending", 1.5),
        ("busy_until", "later"),
        ("busy_until", True),
        ("busy_until", [1]),
        ("busy_until", 12),
        ("usage", []),
        ("usage", {"tokens": -1}),
        ("usage", {"cost": "NaN"}),
        ("usage", {"cost": "-1"}),
        ("usage", {"cost": "much"}),
        ("usage", {"cost": "1e-99999999"}),
        ("usage", {"cost": "1e99999999"}),
        ("message", 5),
    ],
)
def test_a_wrong_key_is_named_and_kept_and_the_beat_counts(key: str, value: Any) -> None:
    parsed = parse_lines(line(**{key: value, "pending" if key != "pending" else "pid": 7}), received=NOON)
    assert parsed.newest is not None
    assert parsed.newest.at == NOON
    assert 7 in (parsed.newest.pending, parsed.newest.pid)
    assert parsed.newest.extra == {key: value}
    assert [(bad.number, bad.offset, bad.counted) for bad in parsed.bad] == [(1, 0, True)]
    assert parsed.bad[0].why.startswith(f"{key}: ")


def test_a_value_that_python_cannot_hold_is_kept_as_its_text() -> None:
    deep = "[" * 400 + "]" * 400
    data = b'{"timestamp": "2026-02-11T12:00:00", "n": 1e999, "deep": %s, "ok": 1}\n' % deep.encode()
    assert one(data).extra == {"n": "1e999", "deep": deep, "ok": 1}


@pytest.mark.parametrize("value", [True, "yes", 1])
def test_a_recorded_miss_is_no_beat_however_it_is_written(value: Any) -> None:
    parsed = parse_lines(line(stale=value), received=NOON)
    assert (parsed.stale, parsed.newest) == (1, None)
    assert [bad.counted for bad in parsed.bad] == ([] if value is True else [True])


def test_a_clock_that_is_ahead_buys_no_time() -> None:
    received = NOON - 61
    skewed = one(line(), received=received)
    assert (skewed.at, skewed.skew) == (received, 61)
    assert one(line(), received=NOON - 60) == Beat(NOON - 60, fingerprint=skewed.fingerprint)
    assert one(line(timestamp="9999-12-31T23:59:59-14:00")).skew > 2e11
    assert one(line(timestamp="9999-12-31T23:59:59Z")).at == NOON


def test_the_limit_of_the_skew_can_be_set() -> None:
    parsed = parse_lines(line(), received=NOON - 5, skew_limit=4)
    assert parsed.newest is not None
    assert parsed.newest.skew == 5


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"hello", "JSON"),
        (b"{}", "timestamp is missing"),
        (b'{"timestamp": null}', "timestamp:"),
        (b'{"timestamp": true}', "timestamp:"),
        (b'{"timestamp": 1e999}', "out of range"),
        (b'{"timestamp": NaN}', "JSON"),
        (b'{"timestamp": "0000-01-01T00:00:00"}', "RFC 3339"),
        (b'{"timestamp": 5, "odd": 1}', "1970"),
        (b"[1]", "Expected `object`"),
        (b"null", "Expected `object`"),
        (b"\x00" * 100, "invalid character"),
        (b'{"timestamp": "2026-02-11T12:00:00", "message": "\x00"}', "invalid character"),
        (b'{"timestamp": "2026-02-11T12:00:00", "message": "\xff"}', "utf-8"),
        (b'{"timestamp": "2026-02-11T12:00:00", "odd": "\xff"}', "utf-8"),
        (b'{"timestamp": "2026-02-11T12:00:00"}{"timestamp": "2026-02-11T12:00:00"}', "trailing"),
        (b'{"timestamp": "2026-02-11T12:00:00", "message": ' + b"[" * 60_000, "depth"),
        (b'{"timestamp": "2026-02-11T12:00:00", "message": "' + b"x" * 10_000_000 + b'"}', "longer than 65536"),
        (b"[" * 100_000, "longer than 65536"),
    ],
)
def test_a_bad_line_is_told_and_spoils_no_other(data: bytes, why: str) -> None:
    parsed = parse_lines(line() + data + b"\n" + line(seq=2), received=NOON)
    assert parsed.newest is not None
    assert parsed.newest.seq == 2
    assert [(bad.number, bad.offset, bad.counted) for bad in parsed.bad] == [(2, len(line()), False)]
    assert why in parsed.bad[0].why
    assert len(parsed.bad[0].why) <= 200


# --- many lines --------------------------------------------------------------------------------------


def test_nothing_says_nothing() -> None:
    assert parse_lines(b"", received=NOON) == parse_lines(b"\n \r\n", received=NOON) == Parsed()
    assert Parsed().newest is None


def test_the_newest_beat_counts_and_of_equals_the_later_line() -> None:
    early = line(timestamp="2026-02-11T11:00:00Z", seq=1)
    assert one(line(seq=2) + early).seq == 2
    assert one(line(seq=2) + line(seq=3)).seq == 3


def test_log_lines_are_no_beats_and_stale_lines_are_counted() -> None:
    data = line(kind="fail", message="no mail server") + line(kind="log", message="a") + line(stale=True)
    parsed = parse_lines(data + line(kind="log", message="b", odd=1), received=NOON)
    assert [log.message for log in parsed.logs] == ["a", "b"]
    assert parsed.stale == 1
    assert [(beat.kind, beat.message) for beat in parsed.beats] == [(BeatKind.FAIL, "no mail server")]


def test_the_newest_of_each_incarnation_is_told_so_that_an_old_one_hides_no_new_one() -> None:
    old = line(incarnation="old", timestamp="2026-02-11T11:59:58Z")
    new = line(incarnation="new", timestamp="2026-02-11T11:59:59Z")
    ghost = line(incarnation="old", timestamp="2026-02-11T12:00:00Z")
    parsed = parse_lines(old + new + ghost, received=NOON)
    assert [(beat.incarnation, beat.at) for beat in parsed.beats] == [("new", NOON - 1), ("old", NOON)]
    assert parsed.newest == parsed.beats[1]


def test_of_two_incarnations_at_the_same_time_the_later_line_is_the_newest() -> None:
    newest = one(line(incarnation="a") + line(incarnation="b") + line(incarnation="a", seq=2))
    assert (newest.incarnation, newest.seq) == ("a", 2)


def test_a_torn_last_line_waits_for_its_rest() -> None:
    whole = line(seq=2)
    for cut in range(1, len(whole) - 1):
        parsed = parse_lines(line(seq=1) + whole[:cut], received=NOON)
        assert (parsed.torn, parsed.bad) == (whole[:cut], ())
        assert parsed.newest is not None
        assert parsed.newest.seq == 1
        assert one(parsed.torn + whole[cut:]).seq == 2


def test_a_last_line_that_only_lacks_its_newline_counts() -> None:
    parsed = parse_lines(line(seq=2).rstrip(b"\n"), received=NOON)
    assert parsed.torn == b""
    assert parsed.newest == one(line(seq=2))


def test_an_endless_torn_line_is_a_bad_one() -> None:
    parsed = parse_lines(b"x" * (LINE_LIMIT + 1), received=NOON)
    assert parsed.torn == b""
    assert [bad.number for bad in parsed.bad] == [1]


def test_a_tail_that_begins_inside_a_line_passes_its_rest_over() -> None:
    data = line(seq=1) + line(seq=2)
    for cut in range(len(line(seq=1))):
        parsed = parse_lines(data[cut:], received=NOON, first_is_torn=True)
        assert parsed.bad == ()
        assert parsed.newest is not None
        assert parsed.newest.seq == 2


def test_a_tail_without_any_line_end_is_a_line_too_long() -> None:
    parsed = parse_lines(b"x" * 50, received=NOON, first_is_torn=True)
    assert (parsed.newest, parsed.torn) == (None, b"")
    assert [bad.why for bad in parsed.bad] == ["the line is longer than the 50 bytes that were read"]


def test_windows_line_ends_and_blank_lines_are_no_matter() -> None:
    assert one(b"\r\n" + line(seq=1).replace(b"\n", b"\r\n") + b"  \n").seq == 1


def test_the_same_beat_read_twice_has_the_same_fingerprint() -> None:
    alone = one(line(seq=1))
    assert one(b"\n" + line(seq=0) + line(seq=1), received=NOON + 5) == alone
    assert one(line(seq=2)).fingerprint != alone.fingerprint


# --- documents and touched files ---------------------------------------------------------------------


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


# --- both ways ---------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("name", ["fleet", "books.log", "supervisor.json"])
def test_no_agent_has_the_name_of_what_is_no_agent(name: str) -> None:
    assert owner(name) is None
