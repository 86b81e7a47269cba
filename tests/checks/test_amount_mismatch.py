from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, invoice


@pytest.mark.parametrize(
    ("amount", "entry", "wrong"),
    [
        ("1500.00", "1500.00", []),
        ("1500", "1500.00", []),
        ("1e3", "1000.00", []),
        ("1500.00", "1500.01", ["1500.00, not 1500.01"]),
        ("1500.00", "15000", ["1500.00, not 15000.00"]),
        ("-80", "80", ["-80.00, not 80.00"]),
        # The agents round binary floats: half a cent may go either way, more may not.
        ("1500.005", "1500.00", []),
        ("1500.005", "1500.01", []),
        ("1500.006", "1500.00", ["1500.01, not 1500.00"]),
        # To the minor unit of the invoice's own currency.
        ("1500.4 JPY", "1500.00", []),
        ("1500.6 JPY", "1500.00", ["1501, not 1500"]),
        ("1.2344 KWD", "1.234", []),
        ("1.234 KWD", "1.23", ["1.234, not 1.230"]),
        # What can not be read is `schema`'s matter.
        ("-", "1500.00", []),
        ("1500.00", "-", []),
    ],
)
def test_file_and_ledger_name_the_same_amount(amount: str, entry: str, wrong: list[str]) -> None:
    case = invoice(f"acme/INV-1 unpaid {amount}", ledger=[f"Unpaid {entry} unpaid"])
    assert found(case) == [f"amount_mismatch ledger.md:5: {figures}" for figures in wrong]


def test_a_status_that_is_wrong_as_well_is_another_finding() -> None:
    assert found(invoice("acme/INV-1 unpaid 10", ledger=["Paid 20 paid"])) == [
        "amount_mismatch ledger.md:5: 10.00, not 20.00",
        "status_mismatch ledger.md:5: unpaid, not paid",
    ]


def test_the_archived_of_two_files_counts() -> None:
    case = invoice("acme/INV-1 unpaid 20", "archive/acme/INV-1 paid 10", ledger=["Paid 10 paid"])
    assert [finding.check for finding in checks.find(case)] == ["archive"]


def test_in_words() -> None:
    (finding,) = checks.find(invoice("acme/INV-1 unpaid 1500 EUR", ledger=["Unpaid 1400 unpaid"]))
    assert finding.message == "invoice INV-1 is 1,500.00 EUR in its file, but 1,400.00 EUR in the ledger"
