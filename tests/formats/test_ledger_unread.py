"""What of a ledger can not be read: it is told, and the rest is read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Status
from supervisor.domain.ledger import Ledger
from supervisor.formats.ledger import PROBLEMS_KEPT, parse
from tests.support.ledgers import ENTRY, INV_1, SECTIONS, encoded, entry_line, expected, ledger_lines, unpaid


def problem(message: str, line: int, **more: Any) -> Problem:
    return Problem(CheckName.PARSE, message, line, **more)


AMOUNT = "an amount such as $1,500.00"


# --- what cannot be read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "figure",
    ["$nan", "$1,500", "1.500", "", "$", "15 00", "$1e5", "$1,50,000.00", "€80.00", "$1,000,000,000,000,000.00"],
)
def test_an_entry_whose_amount_is_none_is_kept_and_told(figure: str) -> None:
    ledger = unpaid(INV_1.replace("$1,500.00", figure))
    assert [(entry.number, entry.amount, entry.client) for entry in ledger.entries] == [("INV-1", None, ENTRY.client)]
    assert ledger.problems == (problem("the amount cannot be read", 2, expected=AMOUNT, found=figure, invoice="INV-1"),)


@pytest.mark.parametrize("text", ["- `INV-1`", "- `INV-1` | ", "- INV-1 | soon | Acme"])
def test_a_number_alone_is_an_entry_whose_amount_is_lost(text: str) -> None:
    ledger = unpaid(text)
    assert [(entry.number, entry.amount) for entry in ledger.entries] == [("INV-1", None)]
    assert [(found.message, found.invoice) for found in ledger.problems] == [("the amount cannot be read", "INV-1")]


@pytest.mark.parametrize(
    "body",
    [
        "`INV-1",
        "`INV-1` was called",
        "``",
        "` ` | $1.00",
        "| $1.00",
        "called Ana | no answer",
        "Ana | no",
        "`A`B` $1.00",
    ],
)
def test_what_looks_like_an_entry_and_cannot_be_read_is_a_problem(body: str) -> None:
    ledger = unpaid("", f"- {body}", INV_1)
    assert [entry.line for entry in ledger.entries] == [4]
    assert ledger.problems == (problem("the entry cannot be read", 3, expected="`NUMBER` | $AMOUNT | ...", found=body),)


@pytest.mark.parametrize(
    ("line", "message", "found"),
    [
        (b"- `INV-1` | $1.00 | Caf\xe9", "the line holds bytes that are not UTF-8", "- `INV-1` | $1.00 | Caf\\xe9"),
        (b"- `INV-1` | $1.00\0", "the line holds NUL bytes", "- `INV-1` | $1.00\\x00"),
        (b"\0" * 100, "the line holds NUL bytes", "\\x00" * 20),
        (b"## Paid\0", "the line holds NUL bytes", "## Paid\\x00"),
        (b"\xff\xfe#", "the line holds bytes that are not UTF-8", "\\xff\\xfe#"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_that_is_no_text_is_a_problem_and_the_rest_is_read(
    line: bytes, message: str, found: str, end: bytes
) -> None:
    ledger = parse(end.join((b"## Unpaid", line, INV_1.encode(), b"")))
    assert [(entry.section, entry.line) for entry in ledger.entries] == [(Status.UNPAID, 3)]
    assert ledger.problems == (problem(message, 2, found=found),)


def test_a_comment_ends_in_a_line_that_is_no_text() -> None:
    ledger = parse(b"## Unpaid\n<!--\n\xff -->\n" + INV_1.encode() + b"\n")
    assert [entry.line for entry in ledger.entries] == [4]
    assert [found.line for found in ledger.problems] == [3]


@pytest.mark.parametrize(("begin", "what", "end"), [("<!-- old", "comment", "-->"), ("```sh", "code block", "```")])
def test_what_is_never_closed_hides_the_rest_and_is_told(begin: str, what: str, end: str) -> None:
    ledger = unpaid(INV_1, begin, INV_1, "## Paid", INV_1)
    assert [entry.line for entry in ledger.entries] == [2]
    assert ledger.problems == (problem(f"the {what} has no end", 3, expected=end),)


def test_of_many_problems_the_rest_is_counted() -> None:
    ledger = unpaid(*["- `x"] * (PROBLEMS_KEPT + 7))
    assert len(ledger.problems) == PROBLEMS_KEPT + 1
    assert ledger.problems[-1] == Problem(CheckName.PARSE, "7 more lines cannot be read")


def test_a_long_line_is_told_in_short() -> None:
    (found,) = unpaid("- `" + "x" * 10_000).problems
    assert len(found.found) == 80


# --- half a file -------------------------------------------------------------------------------------


def test_a_ledger_that_is_cut_off_anywhere_is_read_as_far_as_it_goes() -> None:
    lines = ledger_lines(
        [entry_line(f"INV-{section}", section, Decimal("1500.00"), who="Café | Ñandú") for section in SECTIONS],
        {section: Decimal("1500.00") for section in SECTIONS} | {None: Decimal("4500.00")},
    )
    data, whole = encoded(lines), expected(lines)
    for length in range(len(data)):
        part = data[:length]
        ended = part.count(b"\n")
        ledger = parse(part)
        last = part.rpartition(b"\n")[2].decode(errors="ignore")
        complete = last == lines[ended].text
        readable = ended + (1 if complete else 0)
        assert ledger.problems == ()
        assert ledger.entries == tuple(entry for entry in whole.entries if entry.line <= readable)
        assert ledger.totals == tuple(total for total in whole.totals if total.line <= readable)
        torn = Problem(CheckName.PARSE, "the last line is unfinished", ended + 1)
        assert ledger.torn == (torn if last and not complete else None)


@pytest.mark.parametrize(
    "last",
    [
        "- `INV-2` | $nan | A | Due: 2026 | Status: unpaid",
        "- INV-2 | $1.00",
        "- ",
        "## Summary\n- ",
        "## Summary\n- **Grand Total:** $1500",
        "## Summary\n- **Grand Total:** $nan",
        "## S",
        "<!-- never",
        "```",
        "x\0",
    ],
)
def test_an_end_that_cannot_be_read_is_torn_and_no_problem(last: str) -> None:
    ledger = parse(f"## Unpaid\n{INV_1}\n{last}".encode())
    assert ledger == Ledger((ENTRY,), torn=problem("the last line is unfinished", 3 + last.count("\n")))


@pytest.mark.parametrize(
    "last",
    [
        "",
        "   ",
        "- see the contract",
        "Revised by Ana",
        "## Notes",
        "## Paid",
        "<!-- seen -->",
        "<!--\n-->",
        "## Summary\n<!-- seen -->",
        "## Summary\n ",
        "## Summary\n- reviewed: yes",
        "```\n```",
    ],
)
def test_an_end_without_a_newline_is_not_torn_where_it_can_be_read(last: str) -> None:
    assert parse(f"## Unpaid\n{INV_1}\n{last}".encode()) == Ledger((ENTRY,))
