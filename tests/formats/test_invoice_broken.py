"""What is no invoice's document, and whatever else may stand in a file."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.findings import CheckName, Problem
from supervisor.formats.invoice import LIMIT, parse
from tests.support.invoices import PAID, checksum, documents, written

# --- what is no document -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"", 1, "the file is not JSON: Expecting value"),
        (b" \n", 2, "the file is not JSON: Expecting value"),
        (b"\0" * 400, 1, "the file is not JSON: Expecting value"),
        (b'{"amount": 1,\n"status": "pa\0id"}', 2, "the file is not JSON: Invalid control character at"),
        (b'{"amount": 1}\0', 1, "the file is not JSON: Extra data"),
        (b'{"amount": 1}\n{"amount": 2}', 2, "the file is not JSON: Extra data"),
        (b"- `INV-1` | $1,500.00", 1, "the file is not JSON: Expecting value"),
        (b'{"status": "paid",\n "client": "\xff"}', 2, "the file is not UTF-8"),
        (b'{"amount": 1, "status": "paid",\n "unknown": "\xff"}', 2, "the file is not UTF-8"),
        (
            b'\xef\xbb\xbf{"amount": 1, "status": "paid"}',
            1,
            "the file is not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig)",
        ),
        (b"[1, 2]", None, "the file cannot be taken: it holds no JSON object"),
        (b"null", None, "the file cannot be taken: it holds no JSON object"),
        (b'"paid"', None, "the file cannot be taken: it holds no JSON object"),
        (b"[" * 100_000, None, "the file is nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, None, "the file is nested too deeply"),
        (b'{"amount": 1, "status": "pai', 1, "the file is not JSON: Unterminated string starting at"),
        (b'{"a": "%s"}' % (b"x" * 10_000_000), None, f"the file is longer than {LIMIT} bytes"),
    ],
)
def test_what_holds_no_document(data: bytes, line: int | None, message: str) -> None:
    parsed = parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is None
    assert parsed.problems == (Problem(CheckName.PARSE, message, line),)


def test_a_whole_number_that_no_agent_could_read_spoils_the_document() -> None:
    data = b'{"amount": 1, "status": "paid", "n": %s, "_checksum": "0"}' % (b"9" * 5000)
    parsed = parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is None
    assert parsed.problems[0].message.startswith("the file cannot be taken: Exceeds the limit")


@given(st.integers(min_value=0, max_value=len(written(PAID)) - 1))
def test_half_a_file_is_no_document(length: int) -> None:
    data = written(PAID, _checksum=checksum(PAID))
    parsed = parse(data[:length], stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is None
    assert [problem.check for problem in parsed.problems] == [CheckName.PARSE]


# --- whatever comes ----------------------------------------------------------------------------------


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | documents.map(written))
def test_nothing_raises(data: bytes) -> None:
    parsed = parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is not None or parsed.problems
    for problem in parsed.problems:
        assert len(problem.found) <= 80
        assert problem.line is None or 1 <= problem.line <= data.count(b"\n") + 1


@given(documents)
def test_the_fast_way_reads_what_python_reads(document: dict[str, Any]) -> None:
    """What the fast way takes must be a document to the agents too, and say the same."""
    data = written(document)
    odd = written(document | {"zz": math.nan})  # which only Python's reader takes
    one, other = (parse(text, stem="INV-1", folder="acme", currency="USD") for text in (data, odd))
    assert one.invoice == other.invoice
    assert [(p.message, p.found) for p in one.problems] == [(p.message, p.found) for p in other.problems]
