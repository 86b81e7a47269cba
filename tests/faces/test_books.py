"""The books on the dashboard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.domain.account import Account, QueueView
from supervisor.domain.findings import CheckName
from supervisor.faces.books import Item, Sum, section
from tests.faces.pages import NOW, PAGES, agent, fleet, page
from tests.faces.test_dashboard import Reader
from tests.support.accounts import LEDGER, account, findings, found

SOFT, AGED, TOTAL, MISMATCH = findings(NOW)


@pytest.mark.parametrize("name", ["empty", "healthy", "all_bad"])
def test_where_there_are_no_books_the_page_says_nothing_of_them(name: str) -> None:
    assert b'id="books"' not in PAGES[name]()


def test_the_page_shows_sums_findings_and_queues() -> None:
    text = Reader(PAGES["books"]()).text
    for part in (
        "unpaid 1,200.50 EUR 2 invoices 681,398.27 USD 27 invoices",
        "paid 153,484.23 USD 11 invoices",
        "escalated 8,600.00 USD 1 invoice",
        "in review none",
        "3 findings, and 1 that may be agents at work",
        "INV-7 is of 1,500.00 USD, but the ledger says 1,400.00 USD critical , invoice and ledger differ in the amount",
        f"Expected 1500.00 Found 1400.00 In {LEDGER}:7",
        "an invoice is missing in the ledger, for 2 s, perhaps agents at work In /home",
        "Queues collections-emailer 11 waiting, the oldest for 2 h 5 min",
    ):
        assert part in text, part


def test_sums_and_findings_in_words() -> None:
    shown = section(account(NOW), NOW)
    assert shown is not None
    assert shown.sums[0] == Sum("unpaid", (("1,200.50 EUR", "2 invoices"), ("681,398.27 USD", "27 invoices")))
    assert [item.icon for item in shown.items] == ["escalated", "escalated", "unhealthy", "unknown"]
    assert shown.items[2] == Item(
        icon="unhealthy",
        severity="warning",
        message="a message waits for 2 h 5 min in the queue collections-emailer",
        phrase="a message waits too long",
        standing="for 6 min 40 s",
        expected="1 h at most",
        found="2 h 5 min",
        place="/home/ada/.cache/novotechno-collections/queues/collections-emailer.jsonl:1",
    )


def test_what_a_restart_left_is_named_as_such() -> None:
    left = replace(MISMATCH, after_restart="the restart of payment-watcher")
    shown = section(account(NOW, findings=(left,)), NOW)
    assert shown is not None
    assert shown.items[0].standing == "for 1 min 30 s, left by the restart of payment-watcher"


@pytest.mark.parametrize(
    ("changes", "icon", "words"),
    [
        ({"findings": ()}, "healthy", "The books agree"),
        ({"findings": (SOFT,)}, "unknown", "1 finding, perhaps agents at work"),
        ({"findings": (SOFT, AGED)}, "unhealthy", "1 finding, and 1 that may be agents at work"),
        ({"findings": (AGED, TOTAL)}, "escalated", "2 findings"),
        ({"observed": False}, "unknown", "Not known: the books can not be seen"),
        ({"at": None}, "unknown", "Not known: the books have not been compared yet"),
    ],
)
def test_how_the_books_stand_in_one_line(changes: dict[str, Any], icon: str, words: str) -> None:
    shown = section(account(NOW, **changes), NOW)
    assert shown is not None
    assert (shown.icon, shown.verdict) == (icon, words)
    assert words in Reader(page(fleet((agent("a"),), books=account(NOW, **changes)))).text


def test_books_are_there_as_soon_as_there_is_anything_of_them() -> None:
    assert section(Account(), NOW) is None
    assert section(Account(NOW), NOW) is None
    assert section(Account(NOW, files=1), NOW) is not None
    assert section(Account(findings=(TOTAL,)), NOW) is not None
    queue = QueueView("new", "/queues/new.jsonl", 0, None)
    shown = section(Account(NOW, queues=(queue,)), NOW)
    assert shown is not None
    assert shown.queues == (("new", "0 waiting"),)


def test_too_many_are_counted_and_the_page_stays_small() -> None:
    many = tuple(found(CheckName.CHECKSUM, "x" * 5000 + str(n), NOW, file="/y" * 2000) for n in range(10_000))
    queues = tuple(QueueView(f"queue {n}", "/q", 1, NOW) for n in range(60))
    html = page(fleet((), books=account(NOW, findings=many, queues=queues)))
    text = Reader(html).text
    assert "10000 findings" in text
    assert "and 9950 more: collections-supervisor reconcile" in text
    assert "queue 49" in text
    assert "and 10 more" in text
    assert len(html) < 100_000
