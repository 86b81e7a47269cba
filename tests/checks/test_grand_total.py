from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, summary

ENTRIES = ("Unpaid 1500.00", "Paid 900.00", "Escalated 80.00")


@pytest.mark.parametrize(
    ("totals", "wrong"),
    [
        (["Unpaid 1500", "Paid 900", "Escalated 80", "Grand 2480"], []),
        (["Grand 2480.00"], []),
        (["Unpaid 1500"], []),
        (["Grand 2480.01"], ["grand_total ledger.md:91: 2480.00, not 2480.01"]),
        (["Unpaid 1500", "Grand 1500"], ["grand_total ledger.md:92: 2480.00, not 1500.00"]),
        # It is the sum of what is written: the section's line is wrong.
        (["Unpaid 1400", "Grand 2380"], ["section_total ledger.md:91: 1500.00, not 1400.00"]),
        (["Unpaid 1400", "Grand 2480"], ["section_total ledger.md:91: 1500.00, not 1400.00"]),
        # Neither: both are wrong.
        (
            ["Unpaid 1400", "Grand 2000"],
            ["grand_total ledger.md:92: 2480.00, not 2000.00", "section_total ledger.md:91: 1500.00, not 1400.00"],
        ),
    ],
)
def test_the_grand_total_is_the_sum_of_all_entries(totals: list[str], wrong: list[str]) -> None:
    assert found(summary(*ENTRIES, totals=totals)) == wrong


def test_an_amount_that_can_not_be_read_leaves_no_sum() -> None:
    assert found(summary("Unpaid 10", "Paid -", totals=["Grand 20"])) == []


def test_in_words() -> None:
    (finding,) = checks.find(summary(*ENTRIES, totals=["Grand 2000"]))
    assert finding.message == "all entries come to 2,480.00 USD, but the grand total says 2,000.00 USD"
