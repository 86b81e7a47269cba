from __future__ import annotations

import pytest

from supervisor import checks
from supervisor.checks import orphan_ledger
from tests.checks.examples import found, invoice


@pytest.mark.parametrize(
    ("files", "ledger", "wrong"),
    [
        (["acme/INV-1 unpaid 10"], ["Unpaid 10 unpaid"], []),
        ([], ["Unpaid 10 unpaid"], ["orphan_ledger ledger.md:5: a file, not none"]),
        ([], ["Paid 10"], ["orphan_ledger ledger.md:5: a file, not none"]),
        # The file is there, and `parse` speaks of it.
        (["acme/INV-1 unreadable"], ["Unpaid 10 unpaid"], []),
        ([], [], []),
    ],
)
def test_an_entry_has_a_file(files: list[str], ledger: list[str], wrong: list[str]) -> None:
    assert found(invoice(*files, ledger=ledger)) == wrong


def test_without_a_ledger_there_is_nothing_to_find() -> None:
    assert list(orphan_ledger.find(invoice(log=["paid"]))) == []


def test_in_words() -> None:
    (finding,) = checks.find(invoice(ledger=["Escalated 10 escalated"]))
    assert finding.message == "invoice INV-1 stands in the ledger under Escalated, but has no file"
