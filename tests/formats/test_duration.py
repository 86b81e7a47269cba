from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from supervisor.config_types import Duration
from supervisor.formats.duration import DURATION_PATTERN, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("15m", 900.0),
        ("4h", 14400.0),
        ("1h30m", 5400.0),
        ("200ms", 0.2),
        ("1m500ms", 60.5),
        ("2d", 172800.0),
        ("1.5h", 5400.0),
        ("0s", 0.0),
    ],
)
def test_reads(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "90", "s", "-1s", "1e3s", "30m1h", "1s1s", "5 m", " 5m", "5m\n", "5M", "inf", "٣s", "1.s", "9" * 400 + "s"],
)
def test_refuses_and_says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r'is not a duration.*"90s"'):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "1m30s"), (5400, "1h30m"), (0.2, "200ms"), (86400, "1d"), (1.25, "1s250ms")]
)
def test_writes(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_nothing_is_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        format_duration(-1)


@given(st.integers(min_value=0, max_value=10**11))
def test_round_trip(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.text(alphabet="0123456789.dhms", max_size=12))
def test_the_published_pattern_is_what_is_read(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        assert not re.fullmatch(DURATION_PATTERN, text)
    else:
        assert re.fullmatch(DURATION_PATTERN, text)


class Sample(BaseModel):
    model_config = ConfigDict(extra="forbid")
    wait: Duration = 60.0


def test_a_key_is_written_with_a_unit_and_read_as_seconds() -> None:
    assert Sample.model_validate({"wait": "1h30m"}).wait == 5400.0
    assert Sample().model_dump(mode="json") == {"wait": "1m"}


@pytest.mark.parametrize("value", [90, 1.5, True, None, ["90s"]])
def test_a_key_without_a_unit_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="text with a unit"):
        Sample.model_validate({"wait": value})


def test_the_schema_shows_text_and_the_default_as_text() -> None:
    schema = Sample.model_json_schema(mode="serialization")["properties"]["wait"]
    assert (schema["type"], schema["pattern"], schema["default"]) == ("string", DURATION_PATTERN, "1m")
