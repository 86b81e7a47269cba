from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.ledger import Message
from supervisor.formats._lines import LINE_LIMIT, PROBLEMS_KEPT
from supervisor.formats.queue import is_queue, parse

AT = 1795432788.236821
PAID = {"type": "INVOICE_PAID", "invoice": "INV-7", "client": "ñandú-&-hijos", "timestamp": "2026-02-11T12:00:01"}


def lines(*messages: Any) -> bytes:
    """Return what the agents write."""
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def messages(data: bytes) -> tuple[Message, ...]:
    parsed = parse(data)
    assert (parsed.problems, parsed.rest) == ((), b"")
    return parsed.messages


def only_problem(data: bytes) -> Problem:
    parsed = parse(data)
    assert (parsed.messages, parsed.rest) == ((), b"")
    (problem,) = parsed.problems
    assert problem.check is CheckName.QUEUE_PARSE
    return problem


# --- messages ----------------------------------------------------------------------------------------


def test_messages_in_the_files_order() -> None:
    first, second = messages(lines(PAID | {"_queued_at": AT}, {"type": "PING"}))
    assert (first.kind, first.invoice, first.queued_at, first.line) == ("INVOICE_PAID", "INV-7", AT, 1)
    assert (second.kind, second.invoice, second.queued_at, second.line) == ("PING", "", None, 2)
    assert first.identity != second.identity


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\n\t"])
def test_an_empty_queue(data: bytes) -> None:
    assert messages(data) == ()


def test_blank_lines_and_carriage_returns_are_passed_over() -> None:
    found = messages(b'\r\n{"type": "A"}\r\n\n  {"type": "B"}  \n')
    assert [(message.kind, message.line) for message in found] == [("A", 2), ("B", 4)]


@pytest.mark.parametrize(
    "twin",
    [
        PAID | {"_queued_at": 1.0e9},
        dict(reversed(PAID.items())) | {"_queued_at": AT + 1, "_attempt": 3},
    ],
)
def test_messages_that_say_the_same_are_the_same(twin: dict[str, Any]) -> None:
    one, other = messages(lines(PAID | {"_queued_at": AT}, twin))
    assert one.identity == other.identity


@pytest.mark.parametrize("values", [{"n": math.nan}, {"n": "half \ud800"}, {"n": 10**400}])
def test_so_are_those_that_only_python_can_read(values: dict[str, Any]) -> None:
    one, twin, other = messages(lines(PAID | values, values | PAID | {"_x": 1}, PAID | values | {"m": 1}))
    assert one.identity == twin.identity != other.identity


@given(
    st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3) | st.floats(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3) | st.floats(), max_size=3),
)
def test_identity_is_what_the_message_says(one: dict[str, Any], other: dict[str, Any]) -> None:
    def said(message: dict[str, Any]) -> str:
        return json.dumps({key: value for key, value in message.items() if not key.startswith("_")}, sort_keys=True)

    one, other = ({"type": "A"} | message for message in (one, other))
    one["type"] = other["type"] = "A"
    found = [parse(lines(message)).messages[0].identity for message in (one, other)]
    assert (found[0] == found[1]) == (said(one) == said(other))


@pytest.mark.parametrize("text", ["2026-02-11T12:00:00", "2026-02-11T12:00:00Z"])
def test_a_time_may_be_a_text(text: str) -> None:
    (message,) = messages(lines({"type": "A", "_queued_at": text}))
    assert message.queued_at == 1770811200.0


@pytest.mark.parametrize("value", ["soon", True, [1], {}, -5, 10**30, math.nan])
def test_a_message_without_a_true_time_waits_all_the_same(value: Any) -> None:
    parsed = parse(lines({"type": "A", "_queued_at": value}))
    assert [(message.kind, message.queued_at) for message in parsed.messages] == [("A", None)]
    (problem,) = parsed.problems
    assert (problem.message, problem.line) == ("the line has no time as its _queued_at", 1)


@pytest.mark.parametrize("invoice", [17, None, ["a"], "x" * 300, "half \ud800"])
def test_what_is_no_invoices_number_is_left_out(invoice: Any) -> None:
    (message,) = messages(lines({"type": "A", "invoice": invoice}))
    assert message.invoice == ""


# --- what is no message ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "why", "found"),
    [
        (b"hello\n", "the line cannot be read: it is no JSON object", "hello"),
        (b"[1, 2]\n", "the line cannot be read: it is no JSON object", "[1, 2]"),
        (b'"text"\n', "the line cannot be read: it is no JSON object", '"text"'),
        (b"\0\0\0\n", "the line cannot be read: it is no JSON object", "\0\0\0"),
        (b'{"type": "A"\n', "the line is not JSON: Expecting ',' delimiter (column 13)", '{"type": "A"'),
        (b'{"type": "\xff"}\n', "the line is not UTF-8", '{"type": "\\xff"}'),
        (b"{}\n", "the line cannot be read: it has no type", "{}"),
        (b'{"type": 5}\n', "the line cannot be read: it has no type", '{"type": 5}'),
        (b'{"type": ""}\n', "the line cannot be read: it has no type", '{"type": ""}'),
        (b'{"a":' * 100_000 + b"\n", "the line is nested too deeply", '{"a":' * 16),
        (
            b'{"type": "%s"}\n' % (b"x" * LINE_LIMIT),
            f"the line cannot be read: it is longer than {LINE_LIMIT} bytes",
            '{"type": "' + "x" * 70,
        ),
    ],
)
def test_a_line_that_is_no_message(line: bytes, why: str, found: str) -> None:
    assert only_problem(line) == Problem(CheckName.QUEUE_PARSE, why, 1, "", found)


def test_a_bad_line_spoils_no_other() -> None:
    parsed = parse(b'{"type": "A"}\nbroken\n{"type": "B"}\n')
    assert [(message.kind, message.line) for message in parsed.messages] == [("A", 1), ("B", 3)]
    assert [problem.line for problem in parsed.problems] == [2]


def test_of_very_many_bad_lines_only_some_are_told() -> None:
    problems = parse(b"x\n" * (PROBLEMS_KEPT + 5)).problems
    assert len(problems) == PROBLEMS_KEPT + 1
    assert (problems[-1].message, problems[-1].line) == ("5 more lines cannot be read", None)


@given(st.integers(min_value=0, max_value=len(lines(PAID))))
def test_a_line_in_the_making_is_torn_and_no_problem(length: int) -> None:
    whole = lines(PAID)
    parsed = parse(whole + whole[:length])
    assert parsed.problems == ()
    complete = length >= len(whole) - 1  # only the newline is missing, or not even that
    assert len(parsed.messages) == (2 if complete else 1)
    assert parsed.rest == (b"" if complete else whole[:length])


@given(st.binary(max_size=200) | st.lists(st.text(max_size=20)).map(lambda texts: "\n".join(texts).encode()))
def test_nothing_raises(data: bytes) -> None:
    parsed = parse(data)
    for problem in parsed.problems:
        assert problem.line is not None
        assert 1 <= problem.line <= data.count(b"\n") + 1
    assert data.endswith(parsed.rest)


# --- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("collections-emailer.jsonl", True),
        ("dedupe_0c0ee12f360c19312aa492585f17e188.json", False),
        ("payment_queue.json", False),
        ("emailer.jsonl.tmp", False),
        (".emailer.jsonl", False),
        (".jsonl", False),
        ("emailer", False),
    ],
)
def test_what_is_a_queue_by_its_name(name: str, expected: bool) -> None:
    assert is_queue(name) is expected
