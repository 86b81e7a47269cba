from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, invoice


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        (["acme/INV-1 unpaid 10"], []),
        (["acme/INV-1 escalated 10"], []),
        (["acme/INV-1 review 10"], []),
        (["archive/acme/INV-1 paid 10"], []),
        (["acme/INV-1 paid 10"], ["archived, not live"]),
        (["archive/acme/INV-1 unpaid 10"], ["live, not archived"]),
        (["archive/acme/INV-1 escalated 10"], ["live, not archived"]),
        (["acme/INV-1 paid 10", "archive/acme/INV-1 paid 10"], ["one file, not live and archived"]),
        (["archive/acme/INV-1 paid 10", "acme/INV-1 unpaid 10"], ["one file, not live and archived"]),
        (["archive/acme/INV-1 lost 10"], []),
        ([], []),
    ],
)
def test_the_archive_holds_what_is_paid_and_nothing_else(files: list[str], wrong: list[str]) -> None:
    assert found(invoice(*files)) == [f"archive acme/INV-1.json: {figures}" for figures in wrong]


@pytest.mark.parametrize(
    ("file", "ledger", "log", "check"),
    [
        ("acme/INV-1 paid 10", ["Unpaid 10 unpaid"], ["unpaid"], "status_mismatch"),
        ("acme/INV-1 paid 10", None, ["unpaid"], "transition"),
        ("acme/INV-1 paid 10", ["Paid 10 paid"], ["unpaid"], "transition"),
        ("archive/acme/INV-1 unpaid 10", ["Paid 10 paid"], ["payment"], "status_mismatch"),
        ("acme/INV-1 paid 10", ["Paid 10 paid"], ["payment"], "archive"),
        ("acme/INV-1 paid 10", ["Paid 10 paid"], ["lost"], "archive"),
    ],
)
def test_while_its_status_is_disputed_its_place_is_not(
    file: str, ledger: list[str] | None, log: list[str], check: str
) -> None:
    assert [finding.check for finding in checks.find(invoice(file, ledger=ledger, log=log))] == [check]


def test_the_file_that_is_left_is_the_live_one() -> None:
    (finding,) = checks.find(invoice("archive/acme/INV-1 paid 10", "acme/INV-1 paid 10"))
    assert finding.file == "/books/acme/INV-1.json"
    assert finding.message == "invoice INV-1 is archived, but a file of it is left among the live ones"


@pytest.mark.parametrize(
    ("file", "words"),
    [("acme/INV-1 paid 10", "is paid, but not archived"), ("archive/acme/INV-1 unpaid 10", "is unpaid, but archived")],
)
def test_in_words(file: str, words: str) -> None:
    (finding,) = checks.find(invoice(file))
    assert finding.message == f"invoice INV-1 {words}"
