from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Status
from supervisor.domain.ledger import Happening
from supervisor.formats.eventlog import parse

UPDATE: dict[str, Any] = {
    "timestamp": "2026-02-11T12:00:00.5",
    "event_id": "43b58cb4",
    "client": "ñandú-&-hijos",
    "invoice": "INV-7",
    "event": "state_update",
    "data": {"invoice_number": "INV-7", "amount": 85308.4, "status": "pending", "payment": {"amount": 1}},
}
PAID = UPDATE | {"event": "paid", "timestamp": "2026-02-11T12:00:00Z", "data": {"method": "transfer", "amount": 3000}}
NOON = 1770811200.0


def lines(*events: Any) -> bytes:
    """Return what the agents write."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def happenings(data: bytes) -> tuple[Happening, ...]:
    parsed = parse(data)
    assert (parsed.problems, parsed.rest) == ((), b"")
    return parsed.happenings


def one(**keys: Any) -> Happening:
    (happening,) = happenings(lines(UPDATE | keys))
    return happening


def test_what_became_of_an_invoice() -> None:
    assert happenings(lines(UPDATE, PAID)) == (
        Happening("43b58cb4", "INV-7", "ñandú-&-hijos", "state_update", NOON + 0.5, Status.UNPAID, "pending", 1),
        Happening("43b58cb4", "INV-7", "ñandú-&-hijos", "paid", NOON, Status.PAID, "paid", 2),
    )


def test_lines_are_counted_from_where_the_stretch_begins() -> None:
    parsed = parse(lines(UPDATE) + b"\n" + b"broken\n" + lines(PAID), first_line=41)
    assert [happening.line for happening in parsed.happenings] == [41, 44]
    assert [problem.line for problem in parsed.problems] == [43]


def test_an_event_that_is_not_known_is_kept() -> None:
    happening = one(event="reminded", invoice=None)
    assert (happening.event, happening.invoice, happening.status, happening.word) == ("reminded", "", None, "")


@pytest.mark.parametrize(
    ("data", "word"),
    [({"status": "gone"}, "gone"), ({}, ""), (None, ""), ("text", ""), ([1], ""), ({"status": 5}, "")],
)
def test_an_update_that_says_no_known_status(data: Any, word: str) -> None:
    happening = one(data=data)
    assert (happening.status, happening.word) == (None, word)


@pytest.mark.parametrize("value", [None, "soon", True, -5, 7, [1], "2026-02-30T00:00:00"])
def test_an_event_without_a_true_time_is_one_all_the_same(value: Any) -> None:
    happening = one(timestamp=value)
    assert (happening.at, happening.status) == (None, Status.UNPAID)


@pytest.mark.parametrize("value", [17, None, ["a"], "x" * 300, "half \ud800"])
def test_what_is_not_needed_may_be_anything(value: Any) -> None:
    happening = one(event_id=value, client=value, note=value)
    assert (happening.event_id, happening.client, happening.invoice) == ("", "", "INV-7")


def test_a_line_that_only_python_can_read() -> None:
    (happening,) = happenings(b'{"event": "paid", "invoice": "INV-7", "data": {"amount": NaN}}\n')
    assert happening.status is Status.PAID


def test_many_events_share_their_words() -> None:
    first, second = happenings(lines(UPDATE, UPDATE))
    assert first.client is second.client
    assert first.event is second.event
    assert first.word is second.word


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"12:00 paid INV-7", "the line cannot be read: it is no JSON object"),
        (b"[]", "the line cannot be read: it is no JSON object"),
        (b"{}", "the line cannot be read: it names no event"),
        (b'{"event": 5, "invoice": "a"}', "the line cannot be read: it names no event"),
        (b'{"event": "paid"}', "the line cannot be read: it names no invoice"),
        (b'{"event": "state_update", "invoice": ""}', "the line cannot be read: it names no invoice"),
        (b'{"event": "paid", "invoice": "a"', "the line is not JSON: Expecting ',' delimiter (column 33)"),
        (b'{"event": "paid", "invoice": "\xff"}', "the line is not UTF-8"),
    ],
)
def test_a_line_that_is_no_event(line: bytes, why: str) -> None:
    parsed = parse(line + b"\n" + lines(PAID))
    assert parsed.problems == (Problem(CheckName.PARSE, why, 1, "", line.decode(errors="backslashreplace")),)
    assert [happening.line for happening in parsed.happenings] == [2]


@given(st.lists(st.sampled_from([UPDATE, PAID, "no event"]), max_size=5), st.data())
def test_a_log_read_in_stretches_is_the_log_read_whole(events: list[Any], data: st.DataObject) -> None:
    log = lines(*events)
    whole = parse(log)
    found: list[Happening] = []
    problems: list[Problem] = []
    rest, begun = b"", 1
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=4)))
    for start, end in zip([0, *cuts], [*cuts, len(log)], strict=True):
        stretch = rest + log[start:end]
        parsed = parse(stretch, begun)
        found += parsed.happenings
        problems += parsed.problems
        rest = parsed.rest
        begun += stretch.count(b"\n")
    assert (tuple(found), tuple(problems), rest) == (whole.happenings, whole.problems, whole.rest)


@given(st.binary(max_size=200) | st.lists(st.text(max_size=20)).map(lambda texts: "\n".join(texts).encode()))
def test_nothing_raises(data: bytes) -> None:
    assert data.endswith(parse(data).rest)
