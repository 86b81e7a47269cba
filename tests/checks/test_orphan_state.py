from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, invoice


@pytest.mark.parametrize(
    ("file", "ledger", "wrong"),
    [
        ("acme/INV-1 unpaid 10", ["Unpaid 10 unpaid"], []),
        ("acme/INV-1 unpaid 10", [], ["orphan_state acme/INV-1.json: an entry under Unpaid, not none"]),
        ("acme/INV-1 pending 10", [], ["orphan_state acme/INV-1.json: an entry under Unpaid, not none"]),
        ("acme/INV-1 escalated 10", [], ["orphan_state acme/INV-1.json: an entry under Escalated, not none"]),
        ("archive/acme/INV-1 paid 10", [], ["orphan_state acme/INV-1.json: an entry under Paid, not none"]),
        # The ledger has no section for it.
        ("acme/INV-1 review 10", [], []),
        ("acme/INV-1 in_review 10", [], []),
        # Nobody can say where it is missing; `schema` speaks of the word.
        ("acme/INV-1 lost 10", [], []),
        # There is no ledger at all.
        ("acme/INV-1 unpaid 10", None, []),
    ],
)
def test_an_invoice_stands_in_the_ledger(file: str, ledger: list[str] | None, wrong: list[str]) -> None:
    assert found(invoice(file, ledger=ledger)) == wrong


def test_two_files_that_are_missing_are_one_finding() -> None:
    case = invoice("acme/INV-1 review 10", "globex/INV-1 unpaid 10", "hooli/INV-1 unpaid 10", ledger=[])
    assert [finding.file for finding in checks.find(case) if finding.check == "orphan_state"] == [
        "/books/globex/INV-1.json"
    ]


def test_in_words() -> None:
    (finding,) = checks.find(invoice("acme/INV-1 pending 10", ledger=[]))
    assert finding.message == "invoice INV-1 is unpaid in its file, but the ledger has no entry for it"
