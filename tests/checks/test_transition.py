from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, invoice


@pytest.mark.parametrize(
    ("file", "log", "wrong"),
    [
        ("acme/INV-1 unpaid 10", ["unpaid"], []),
        ("acme/INV-1 pending 10", ["unpaid"], []),
        ("archive/acme/INV-1 paid 10", ["unpaid", "paid", "payment"], []),
        ("acme/INV-1 review 10", ["unpaid", "in_review"], []),
        ("acme/INV-1 unpaid 10", ["unpaid", "escalated"], ["12: unpaid, not escalated"]),
        ("acme/INV-1 unpaid 10", ["unpaid", "payment"], ["12: unpaid, not paid"]),
        ("acme/INV-1 escalated 10", ["paid", "unpaid"], ["12: escalated, not unpaid"]),
        # Logs are cut: what they do not know is no finding.
        ("acme/INV-1 unpaid 10", [], []),
        # Words that nobody knows are `schema`'s matter: the last one that is known counts.
        ("acme/INV-1 unpaid 10", ["lost"], []),
        ("acme/INV-1 unpaid 10", ["escalated", "lost"], ["11: unpaid, not escalated"]),
        ("acme/INV-1 lost 10", ["escalated"], []),
        ("acme/INV-1 unreadable", ["escalated"], []),
        # There is no event log at all.
        ("acme/INV-1 unpaid 10", None, []),
    ],
)
def test_the_last_event_is_what_the_file_says(file: str, log: list[str] | None, wrong: list[str]) -> None:
    assert found(invoice(file, log=log)) == [f"transition events.log:{figures}" for figures in wrong]


def test_a_file_that_stayed_behind_ledger_and_log_is_one_finding() -> None:
    case = invoice("acme/INV-1 unpaid 10", ledger=["Paid 10 paid"], log=["unpaid", "payment"])
    assert found(case) == ["status_mismatch ledger.md:5: unpaid, not paid"]


def test_a_log_that_agrees_with_nobody_is_one_of_its_own() -> None:
    case = invoice("acme/INV-1 unpaid 10", ledger=["Escalated 10"], log=["payment"])
    assert found(case) == [
        "status_mismatch ledger.md:5: unpaid, not escalated",
        "transition events.log:11: unpaid, not paid",
    ]


@pytest.mark.parametrize("files", [["archive/acme/INV-1 paid 10"], []])
def test_a_second_payment_is_a_double_payment(files: list[str]) -> None:
    log = ["paid", "payment", "paid", "payment", "payment"]
    case = invoice(*files, ledger=["Paid 10 paid"], log=log)
    wrong = [finding for finding in checks.find(case) if finding.check == "transition"]
    assert [(one.line, one.expected, one.found) for one in wrong] == [(14, "one payment", "3 payments")]
    assert wrong[0].message == "double payment: the event log has invoice INV-1 paid 3 times, on lines 12, 14, 15"


def test_a_double_payment_is_another_finding_than_a_wrong_status() -> None:
    both = checks.find(invoice("acme/INV-1 unpaid 10", log=["payment", "payment"]))
    assert len({finding.id for finding in both}) == 2
    assert [finding.message for finding in both][1] == "invoice INV-1 is unpaid in its file, but paid by its last event"
