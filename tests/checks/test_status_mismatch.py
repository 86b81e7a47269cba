from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, invoice


@pytest.mark.parametrize(
    ("file", "entry", "wrong"),
    [
        ("acme/INV-1 unpaid 10", "Unpaid 10 unpaid", []),
        ("acme/INV-1 pending 10", "Unpaid 10 pending", []),
        ("acme/INV-1 unpaid 10", "Unpaid 10", []),
        ("archive/acme/INV-1 paid 10", "Paid 10 paid", []),
        ("acme/INV-1 unpaid 10", "Paid 10 paid", ["unpaid, not paid"]),
        ("acme/INV-1 escalated 10", "Unpaid 10", ["escalated, not unpaid"]),
        # The section is right, the word is not; and the reverse.
        ("acme/INV-1 unpaid 10", "Unpaid 10 escalated", ["unpaid, not escalated"]),
        ("acme/INV-1 unpaid 10", "Escalated 10 unpaid", ["unpaid, not escalated"]),
        ("acme/INV-1 unpaid 10", "Escalated 10 paid", ["unpaid, not escalated, paid"]),
        # What is in review has no place in the ledger's totals.
        ("acme/INV-1 review 10", "Unpaid 10 review", ["review, not unpaid"]),
        # A word that nobody knows is `schema`'s matter, in the ledger and in the file.
        ("acme/INV-1 unpaid 10", "Unpaid 10 lost", []),
        ("acme/INV-1 lost 10", "Unpaid 10 unpaid", []),
        ("acme/INV-1 lost 10", "Unpaid 10 paid", ["unpaid, not paid"]),
        ("acme/INV-1 unreadable", "Unpaid 10 escalated", ["unpaid, not escalated"]),
    ],
)
def test_file_section_and_word_are_the_same(file: str, entry: str, wrong: list[str]) -> None:
    assert found(invoice(file, ledger=[entry])) == [f"status_mismatch ledger.md:5: {figures}" for figures in wrong]


def test_an_entry_without_a_file_must_agree_with_itself() -> None:
    assert found(invoice(ledger=["Unpaid 10 paid"])) == [
        "orphan_ledger ledger.md:5: a file, not none",
        "status_mismatch ledger.md:5: unpaid, not paid",
    ]


def test_whichever_of_two_files_is_right_an_entry_must_agree_with_itself() -> None:
    assert found(invoice("acme/INV-1 paid 10", "globex/INV-1 paid 10", ledger=["Unpaid 10 paid"])) == [
        "status_mismatch ledger.md:5: unpaid, not paid",
        "unique_id globex/INV-1.json: one file, not 2 files",
    ]


@pytest.mark.parametrize(
    ("files", "entry", "words"),
    [
        (["acme/INV-1 unpaid 10"], "Paid 10 paid", "is unpaid in its file, but stands in the ledger under Paid"),
        (
            ["acme/INV-1 unpaid 10"],
            "Unpaid 10 escalated",
            "is unpaid in its file, but stands in the ledger under Unpaid with the status escalated",
        ),
        (["acme/INV-1 lost 10"], "Unpaid 10 paid", "stands in the ledger under Unpaid with the status paid"),
    ],
)
def test_in_words(files: list[str], entry: str, words: str) -> None:
    (finding,) = checks.find(invoice(*files, ledger=[entry]))
    assert finding.message == f"invoice INV-1 {words}"
