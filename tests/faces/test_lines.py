import json
import math
import sys
from dataclasses import MISSING, fields
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.domain import records
from supervisor.domain.records import HeartbeatMissed, Record, RestartFinished
from supervisor.faces.lines import LINE_LIMIT, journald_line, json_line, row_fields
from tests.support.logcheck import check_lines

MISSED = HeartbeatMissed("payment-watcher", 2, 1_771_336_991.25, "no heartbeat for 1 h")


def test_a_line_names_time_level_and_event_first_and_then_the_fields() -> None:
    assert json_line(MISSED, 1_771_336_991.5) == (
        b'{"timestamp":"2026-02-17T14:03:11.500000Z","level":"warning","event":"heartbeat_missed",'
        b'"agent":"payment-watcher","consecutive_misses":2,"due":"2026-02-17T14:03:11.250000Z",'
        b'"reason":"no heartbeat for 1 h"}'
    )


def test_what_is_not_known_is_left_out() -> None:
    line = json.loads(json_line(RestartFinished("a", 1, ok=False, seconds=2.0), 0.0))
    assert line.keys() == {"timestamp", "level", "event", "agent", "attempt", "ok", "seconds", "detail"}


def test_strange_text_can_neither_break_the_line_nor_drive_a_terminal() -> None:
    line = json_line(HeartbeatMissed('a"\n\x1b[2J\u202e', 1, 0.0, "\ud800 caf\u00e9"), 0.0)
    assert line.isascii()
    assert not any(byte < 32 for byte in line)
    (document,) = check_lines(line)
    assert document["agent"] == 'a"\n\x1b[2J\u202e'
    assert document["reason"] == "\\ud800 caf\u00e9"


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_json_does_not_know_becomes_the_largest_there_is(number: float) -> None:
    (document,) = check_lines(json_line(RestartFinished("a", 1, ok=True, seconds=number), 0.0))
    assert abs(document["seconds"]) == sys.float_info.max


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (math.inf, "9999-12-31T23:59:59.999999Z"),
        (math.nan, "9999-12-31T23:59:59.999999Z"),
        (-1e300, "0001-01-01T00:00:00.000000Z"),
        (0.0, "1970-01-01T00:00:00.000000Z"),
    ],
)
def test_a_moment_beyond_the_calendar_is_its_end(at: float, text: str) -> None:
    assert json.loads(json_line(MISSED, at))["timestamp"] == text


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\U0001f4a5", "\n"])
def test_a_line_never_grows_over_the_limit_and_says_what_was_cut(letter: str) -> None:
    stderr = [letter * 5_000] * 5_000
    line = journald_line(RestartFinished(letter * 100_000, 1, ok=False, seconds=1.0, stderr=stderr), 0.0)
    assert len(line) + 1 <= LINE_LIMIT
    (document,) = check_lines(line)
    assert document["agent"].endswith("characters cut)")
    assert document["stderr"][-1].endswith(" cut)")


def test_a_row_holds_the_same_without_the_columns_of_the_journal() -> None:
    assert row_fields(MISSED) == {
        "consecutive_misses": 2,
        "due": "2026-02-17T14:03:11.250000Z",
        "reason": "no heartbeat for 1 h",
    }


@pytest.mark.parametrize(("level", "priority"), [("debug", 7), ("info", 6), ("warning", 4), ("error", 3)])
def test_journald_is_told_the_priority(level: str, priority: int) -> None:
    (one, *_) = (cls for cls in records.every() if level == cls.LEVEL)
    line = journald_line(_any(one), 0.0)
    assert line.startswith(b"<%d>{" % priority)


_VALUES: dict[object, st.SearchStrategy[object]] = {
    str: st.text(st.characters(), max_size=40),
    int: st.integers(),
    float: st.floats(),
    bool: st.booleans(),
    list[str]: st.lists(st.text(st.characters(), max_size=20), max_size=3),
}


def _strategy(cls: type[Record]) -> st.SearchStrategy[Record]:
    hints = get_type_hints(cls)
    values = {
        field.name: _VALUES[hint] if (hint := hints[field.name]) in _VALUES else st.none() | _of_union(hint)
        for field in fields(cls)
    }
    return st.builds(cls, **values)


def _of_union(hint: object) -> st.SearchStrategy[object]:
    (kind,) = (kind for kind in hint.__args__ if kind is not type(None))  # type: ignore[attr-defined]
    return _VALUES[kind]


@given(st.sampled_from(records.every()).flatmap(_strategy), st.floats())
@settings(max_examples=300, deadline=None)
def test_whatever_a_record_holds_its_line_is_true_to_the_schema(record: Record, at: float) -> None:
    (document,) = check_lines(json_line(record, at))
    assert document["event"] == record.event()


def _any(cls: type[Record]) -> Record:
    sample: dict[object, object] = {str: "x", int: 1, float: 1.0, bool: True, list[str]: ["x"]}
    hints = get_type_hints(cls)
    needed = [field.name for field in fields(cls) if field.default is MISSING]
    return cls(**{name: sample.get(hints[name]) for name in needed})
