"""The time of a heartbeat, in every way to write it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.formats.heartbeat import instant
from tests.support.heartbeats import NOON


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
