"""A line of a heartbeat log, and many."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.domain.events import Beat, BeatKind, Phase
from supervisor.formats.heartbeat import LINE_LIMIT, Parsed, parse_lines
from tests.support.heartbeats import NOON, line, one

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
