from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.formats.activity import Activity, parse

NOON = 1770811200.0


def line(**keys: Any) -> bytes:
    return json.dumps({"timestamp": "2026-02-11T12:00:00Z"} | keys).encode() + b"\n"


@pytest.mark.parametrize(
    ("log", "keys"),
    [
        ("email_activity.log", {"type": "EMAIL_SENT", "to": "pagos@ñandú.example"}),
        ("payment_activity.log", {"type": "PAYMENT_DETECTED", "amount": 1500.0}),
        ("error.log", {"level": "ERROR", "message": "no"}),
        ("error.log", {"level": "CRITICAL"}),
    ],
)
def test_what_counts(log: str, keys: dict[str, Any]) -> None:
    parsed = parse(Activity(log), line(**keys) + line(timestamp="2026-02-11T12:00:01", **keys))
    assert parsed.times == (NOON, NOON + 1)
    assert (parsed.bad, parsed.rest) == (0, b"")


@pytest.mark.parametrize("log", Activity)
@pytest.mark.parametrize(
    "keys",
    [{}, {"type": "EMAIL_FAILED"}, {"level": "WARNING"}, {"type": 5}, {"level": ["ERROR"]}, {"type": "ERROR"}],
)
def test_what_does_not(log: Activity, keys: dict[str, Any]) -> None:
    parsed = parse(log, line(**keys))
    assert (parsed.times, parsed.bad) == ((), 0)


def test_what_counts_in_one_log_does_not_in_another() -> None:
    data = line(type="EMAIL_SENT") + line(type="PAYMENT_DETECTED") + line(level="ERROR")
    assert [len(parse(log, data).times) for log in Activity] == [1, 1, 1]


@pytest.mark.parametrize(
    "bad",
    [
        b"2026-02-11 12:00:00 ERROR plain text\n",
        b"[1]\n",
        b"\xff\n",
        b'{"level": "ERROR"\n',
        b'{"level": "ERROR"}\n',
        line(level="ERROR", timestamp=None),
        line(level="ERROR", timestamp="soon"),
        line(level="ERROR", timestamp=True),
    ],
)
def test_a_line_that_cannot_be_counted_is_bad_and_spoils_no_other(bad: bytes) -> None:
    parsed = parse(Activity.ERRORS, line(level="ERROR") + bad + b"\n" + line(level="ERROR"))
    assert (len(parsed.times), parsed.bad) == (2, 1)


def test_a_time_may_be_a_number() -> None:
    assert parse(Activity.ERRORS, line(level="ERROR", timestamp=NOON)).times == (NOON,)


def test_a_line_in_the_making_comes_again() -> None:
    whole = line(level="ERROR")
    parsed = parse(Activity.ERRORS, whole + whole[:20])
    assert (len(parsed.times), parsed.bad, parsed.rest) == (1, 0, whole[:20])
    assert parse(Activity.ERRORS, parsed.rest + whole[20:]).times == (NOON,)


@given(st.sampled_from(Activity), st.binary(max_size=200))
def test_nothing_raises(log: Activity, data: bytes) -> None:
    parsed = parse(log, data)
    assert 0 <= parsed.bad <= data.count(b"\n")
    assert data.endswith(parsed.rest)
