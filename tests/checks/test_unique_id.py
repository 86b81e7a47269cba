from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, invoice

ENTRY = ["Unpaid 10 unpaid"]


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        (["acme/INV-1 unpaid 10"], []),
        (["acme/INV-1 unpaid 10", "globex/INV-1 unpaid 10"], ["unique_id globex/INV-1.json: one file, not 2 files"]),
        (["acme/INV-1 unpaid 10", "acme/INV-1 paid 10"], ["unique_id acme/INV-1.json: one file, not 2 files"]),
        (
            ["acme/INV-1 unpaid 10", "acme/INV-1 paid 10", "archive/globex/INV-1 paid 10"],
            ["unique_id acme/INV-1.json: one file, not 3 files"],
        ),
        (
            ["archive/globex/INV-1 paid 10", "acme/INV-1 unpaid 10"],
            ["unique_id acme/INV-1.json: one file, not 2 files"],
        ),
        # A copy that can not be read is a matter of its own.
        (["acme/INV-1 unpaid 10", "globex/INV-1 unreadable"], []),
    ],
)
def test_one_number_one_file(files: list[str], wrong: list[str]) -> None:
    assert found(invoice(*files, ledger=ENTRY)) == wrong


def test_an_invoice_on_its_way_into_the_archive_is_one() -> None:
    case = invoice("acme/INV-1 paid 10", "archive/acme/INV-1 paid 10", ledger=["Paid 10 paid"], log=["paid"])
    assert "unique_id" not in [finding.check for finding in checks.find(case)]


def test_one_number_one_entry() -> None:
    case = invoice("acme/INV-1 unpaid 10", ledger=["Unpaid 10 unpaid", "Paid 10 paid"])
    assert found(case) == ["unique_id ledger.md:6: one entry, not lines 5, 6"]


def test_what_nobody_can_compare_waits() -> None:
    """Which of the files, which of the entries is it that the amount, the status, the last event should agree with?"""
    files = invoice("acme/INV-1 unpaid 10", "globex/INV-1 paid 20", ledger=["Escalated 30 escalated"], log=["review"])
    assert found(files) == ["unique_id globex/INV-1.json: one file, not 2 files"]
    entries = invoice("acme/INV-1 unpaid 10", ledger=["Paid 20 paid", "Escalated 20 escalated"])
    assert found(entries) == ["unique_id ledger.md:6: one entry, not lines 5, 6"]


def test_in_words() -> None:
    two = invoice("acme/INV-1 unpaid 10", "globex/INV-1 unpaid 10", ledger=["Unpaid 10", "Unpaid 10"])
    assert [finding.message for finding in checks.find(two)] == [
        "invoice INV-1 stands in 2 files of 2 clients: 'acme/INV-1.json', 'globex/INV-1.json'",
        "invoice INV-1 has 2 entries in the ledger: lines 5, 6",
    ]
    many = invoice(*["acme/INV-1 unpaid 10"] * 4, ledger=["Unpaid 10"] * 9)
    assert [finding.message for finding in checks.find(many)] == [
        "invoice INV-1 stands in 4 files: 'acme/INV-1.json', 'acme/INV-1.json', 'acme/INV-1.json', '…'",
        "invoice INV-1 has 9 entries in the ledger: lines 5, 6, 7, 8, 9, …",
    ]
