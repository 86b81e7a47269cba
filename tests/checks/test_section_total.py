from __future__ import annotations

import pytest

from supervisor import checks
from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Status
from tests.checks.examples import found, summary

ENTRIES = ("Unpaid 1500.00", "Unpaid 80.50", "Paid 900.00")


@pytest.mark.parametrize(
    ("totals", "wrong"),
    [
        (["Unpaid 1580.50", "Paid 900.00", "Escalated 0.00"], []),
        (["Unpaid 1580.5", "Paid 900"], []),
        (["Unpaid 1580.51"], ["91: 1580.50, not 1580.51"]),
        (["Unpaid 1500.00", "Paid 980.50"], ["91: 1580.50, not 1500.00", "92: 900.00, not 980.50"]),
        (["Escalated 80.00"], ["91: 0.00, not 80.00"]),
        # A Summary, or a line of it, may be missing.
        ([], []),
        (["Paid 900.00"], []),
        # Written twice: what is read first counts.
        (["Paid 900.00", "Paid 800.00"], []),
    ],
)
def test_a_total_is_the_sum_of_its_section(totals: list[str], wrong: list[str]) -> None:
    expected = [f"section_total ledger.md:{figures}" for figures in wrong]
    assert sorted(found(summary(*ENTRIES, totals=totals))) == expected


@pytest.mark.parametrize(("total", "wrong"), [("10", 0), ("11", 0), ("12", 1)])
def test_to_the_minor_unit_of_the_ledgers_currency(total: str, wrong: int) -> None:
    assert len(found(summary("Unpaid 10.5", totals=[f"Unpaid {total}"], currency="JPY"))) == wrong


def test_a_section_with_an_amount_that_can_not_be_read_has_no_sum() -> None:
    assert found(summary("Unpaid -", "Paid 900", totals=["Unpaid 1580.50", "Paid 1", "Grand 1"])) == [
        "section_total ledger.md:92: 900.00, not 1.00"
    ]


def test_an_amount_that_a_reader_has_complained_of_hides_no_other_section() -> None:
    complaint = Problem(CheckName.PARSE, "the amount can not be read", 5, found="$many", invoice="INV-5")
    case = summary("Unpaid -", "Paid 900", totals=["Unpaid 1", "Paid 1"], problems=(complaint,))
    assert found(case) == ["section_total ledger.md:92: 900.00, not 1.00"]


def test_a_line_that_can_not_be_read_leaves_no_sum_at_all() -> None:
    torn = Problem(CheckName.PARSE, "the entry can not be read", 7, found="- `INV-9` |")
    case = summary("Unpaid 10", totals=["Unpaid 20", "Grand 20"], problems=(torn,))
    assert found(case) == []


def test_its_id_stays_while_lines_and_figures_change() -> None:
    (one,) = checks.find(summary("Unpaid 10", totals=["Unpaid 20"]))
    (other,) = checks.find(summary("Unpaid 10", "Unpaid 5", totals=["Paid 0", "Unpaid 30"]))
    assert one.id == other.id
    assert one.subject == f'["/books/ledger.md", "{Status.UNPAID}"]'


def test_in_words() -> None:
    (finding,) = checks.find(summary(*ENTRIES, totals=["Unpaid 1500.00"]))
    assert finding.message == "the entries under Unpaid come to 1,580.50 USD, but the Summary says 1,500.00 USD"
