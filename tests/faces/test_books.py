"""The books on the dashboard."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from supervisor.domain.account import Account, QueueView
from supervisor.domain.findings import CheckName
from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY, Latency, Metrics
from supervisor.domain.totals import Tally
from supervisor.domain.trend import Stand, Trend
from supervisor.faces.books import Figure, Item, Section, Sum, section
from supervisor.faces.languages.language import ENGLISH
from tests.faces.fleets import NOW, agent, fleet, page
from tests.faces.pages import PAGES
from tests.faces.test_dashboard import Reader
from tests.support.accounts import LEDGER, account, findings, found, trend

SOFT, AGED, TOTAL, MISMATCH = findings(NOW)


def shown_of(told: Account, trend_: Trend = Trend(), figures: Metrics | None = None) -> Section | None:
    return section(told, trend_, figures, NOW, ENGLISH)


@pytest.mark.parametrize("name", ["empty", "healthy", "all_bad"])
def test_where_there_are_no_books_the_page_says_nothing_of_them(name: str) -> None:
    assert b'id="books"' not in PAGES[name]()


def test_the_page_shows_sums_findings_and_queues() -> None:
    text = Reader(PAGES["books"]()).text
    for part in (
        "unpaid €1,200.50 2 invoices $681,398.27 27 invoices +1 invoice, +€200.50 in 24 h",
        "-1 invoice, -$1,500.01 in 24 h",
        "paid $153,484.23 11 invoices +1 invoice, +$1,500.01 in 24 h",
        "escalated $8,600.00 1 invoice no change in 24 h",
        "in review none no change in 24 h",
        "E-mails sent 1,204 Payments detected 9 Errors 0",
        "Payment latency 1 h 30 min on average of 8 payments; half within 1 h, 90 % within 2 h 30 min, 99 % within 4 h",
        "Collected €99.50 $21,050.40 9 invoices",
        "unpaid $681,398.27 paid $153,484.23 escalated $8,600.00 1,000,000 500,000 0 USD from Jan 28 to",
        "Day unpaid paid escalated Feb 17 681,398.27 153,484.23 8,600.00 Feb 16",
        "3 findings, and 1 that may be agents at work",
        "invoice INV-7 is 1,500.00 USD in its file, but 1,400.00 USD in the ledger critical , invoice and",
        f"Expected 1500.00 Found 1400.00 In {LEDGER}:7",
        "an invoice is missing in the ledger, for 2 s, perhaps agents at work In /home",
        "Queues collections-emailer 11 waiting, the oldest for 2 h 5 min",
    ):
        assert part in text, part


def test_sums_and_findings_in_words() -> None:
    shown = shown_of(account(NOW))
    assert shown is not None
    money = (("€1,200.50", "2 invoices"), ("$681,398.27", "27 invoices"))
    assert shown.sums[0] == Sum("unpaid", money, ("change in 24 h: no data",))
    assert [item.icon for item in shown.items] == ["escalated", "escalated", "unhealthy", "unknown"]
    assert shown.items[2] == Item(
        icon="unhealthy",
        severity="warning",
        message="the oldest message of the queue collections-emailer has waited for 2 h 5 min",
        phrase="a message waits too long",
        standing="for 6 min 40 s",
        expected="less than 1 h",
        found="2 h 5 min",
        place="/home/ada/.cache/novotechno-collections/queues/collections-emailer.jsonl:1",
    )


def test_what_a_restart_left_is_named_as_such() -> None:
    left = replace(MISMATCH, after_restart="the restart of payment-watcher")
    shown = shown_of(account(NOW, findings=(left,)))
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
    shown = shown_of(account(NOW, **changes))
    assert shown is not None
    assert (shown.icon, shown.verdict) == (icon, words)
    assert words in Reader(page(fleet((agent("a"),), books=account(NOW, **changes)))).text


def test_books_are_there_as_soon_as_there_is_anything_of_them() -> None:
    assert shown_of(Account()) is None
    assert shown_of(Account(NOW)) is None
    assert shown_of(Account(NOW, files=1)) is not None
    assert shown_of(Account(findings=(TOTAL,))) is not None
    queue = QueueView("new", "/queues/new.jsonl", 0, None)
    shown = shown_of(Account(NOW, queues=(queue,)))
    assert shown is not None
    assert shown.queues == (("new", "0 waiting"),)


def test_too_many_are_counted_and_the_page_stays_small() -> None:
    many = tuple(found(CheckName.CHECKSUM, "x" * 5000 + str(n), NOW, file="/y" * 2000) for n in range(10_000))
    queues = tuple(QueueView(f"queue {n}", "/q", 1, NOW) for n in range(60))
    html = page(fleet((), books=account(NOW, findings=many, queues=queues)))
    text = Reader(html).text
    assert "10,000 findings" in text
    assert "and 9,950 more: collections-supervisor reconcile" in text
    assert "queue 49" in text
    assert "and 10 more" in text
    assert len(html) < 100_000


def test_a_change_over_another_time_says_since_when() -> None:
    for ago, words in ((3 * 3600.0, "since 11:03:11 UTC"), (40 * 3600.0, "since Feb 15 22:03:11 UTC")):
        shown = shown_of(account(NOW), replace(trend(NOW), change_since=NOW - ago))
        assert shown is not None
        assert shown.sums[1].change == (f"+1 invoice, +$1,500.01 {words}",)
        assert shown.sums[2].change == (f"no change {words}",)


def test_where_there_is_no_data_the_page_says_so_and_shows_no_figure() -> None:
    text = Reader(PAGES["new_books"]()).text
    assert text.count("change in 24 h: no data") == 4
    figures = "E-mails sent no data Payments detected no data Errors no data Payment latency no data Collected no data"
    assert figures in text
    assert "No data yet: a chart needs two days in the journal." in text


def test_nothing_collected_is_a_figure() -> None:
    shown = shown_of(account(NOW), figures=Metrics(NOW, DAY, collected={}, latency=Latency(1, 1.0, 1.0, 1.0, 1.0)))
    assert shown is not None
    assert shown.figures[4] == Figure("Collected", ("nothing",))
    assert shown.figures[3].values == ("1 s",)


def test_charts_that_are_not_drawn_are_counted() -> None:
    names = ("AAA", "BBB", "CCC", "DDD", "EEE")
    totals = {status: {name: Tally(1, Decimal(1)) for name in names} for status in Status}
    days = (Stand(NOW - DAY, totals), Stand(NOW, totals))
    text = Reader(page(fleet((), books=account(NOW), trend=Trend(days=days)))).text
    assert "CCC as a table" in text
    assert "DDD as a table" not in text
    assert "and 2 more without a chart" in text
