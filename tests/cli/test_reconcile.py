"""`reconcile`, and the books in `check` and `status`."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.account import Account
from supervisor.domain.findings import CheckName
from supervisor.domain.invoices import Status
from supervisor.domain.totals import Tally
from supervisor.domain.trend import Trend
from tests.cli.conftest import Command, on_a_terminal
from tests.support.accounts import LEDGER, STATE, account, findings, found, trend
from tests.support.control import JOURNAL_BROKEN, MemoryControl
from tests.support.served import Served

REPORT = f"""\
unpaid      2 invoices    1,200.50 EUR
unpaid     27 invoices  681,398.27 USD
paid       11 invoices  153,484.23 USD
escalated   1 invoice     8,600.00 USD
queue collections-emailer: 11 waiting, the oldest for 2 h 5 min

hard  critical  amount_mismatch  INV-7
  invoice INV-7 is 1,500.00 USD in its file, but 1,400.00 USD in the ledger
  expected 1500.00, found 1400.00
  {LEDGER}:7
hard  critical  section_total
  the entries under Unpaid come to 681,398.27 USD, but the Summary says 681,398.00 USD
  expected 681398.27, found 681398.00
  {LEDGER}:52
hard  warning   queue_age
  the oldest message of the queue collections-emailer has waited for 2 h 5 min
  expected less than 1 h, found 2 h 5 min
  /home/ada/.cache/novotechno-collections/queues/collections-emailer.jsonl:1
soft  critical  orphan_state     INV-4
  invoice INV-4 is unpaid in its file, but the ledger has no entry for it
  {STATE}/acme/INV-4.json

4 findings, 1 of them may be agents at work
collections-supervisor reconcile --fix shows what would mend the ledger's totals
"""

# --- the daemon's answer -----------------------------------------------------------------------------


@pytest.fixture
def books(control: MemoryControl) -> Account:
    control.account = account(time.time())
    return control.account


def test_the_report(command: Command, served: Served, books: Account) -> None:
    said = command("reconcile")
    assert (said.code, said.err) == (2, "")
    assert said.out == REPORT
    assert served.control.asked == [("reconcile",)]


@pytest.mark.usefixtures("books", "served")
@pytest.mark.parametrize("columns", [40, 80, 120])
def test_what_is_said_of_a_finding_is_as_wide_as_the_terminal(columns: int) -> None:
    shown = on_a_terminal(("reconcile",), COLUMNS=str(columns), NO_COLOR="1").decode().splitlines()
    start = next(number for number, line in enumerate(shown) if line.startswith("  the entries under Unpaid"))
    end = next(number for number, line in enumerate(shown) if line.startswith("  expected 681398.27"))
    assert all(len(line) <= columns for line in shown[start:end])
    assert " ".join(line.strip() for line in shown[start:end]) in REPORT
    assert end - start == {40: 3, 80: 2, 120: 1}[columns]


@pytest.mark.usefixtures("books")
def test_as_json_it_is_what_check_has(command: Command, served: Served) -> None:
    said = command("reconcile", "--json")
    assert said.code == 2
    checked = command("check", "--json").json
    assert set(said.json) == {"books", "queues"}
    assert said.json["books"].items() <= checked["books"].items()
    assert said.json["queues"].keys() == checked["queues"].keys()


@pytest.mark.usefixtures("books", "served")
def test_the_report_goes_to_a_file(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "report"
    said = command("reconcile", "--output", str(path))
    assert (said.code, said.out) == (2, f"{path} written\n")
    assert path.read_text("utf-8") == REPORT
    said = command("reconcile", "--output", str(path), "--json")
    assert said.out == path.read_text("utf-8")
    assert said.json["books"]["consistent"] is False


def test_a_report_that_can_not_be_written_is_said(command: Command, served: Served, tmp_path: Path) -> None:
    said = command("reconcile", "--output", str(tmp_path / "none" / "report"))
    assert (said.code, said.out) == (73, "")
    assert said.err.endswith("none/report can not be written: No such file or directory\n")


def test_what_the_daemon_can_not_do_is_said(command: Command, served: Served) -> None:
    served.control.broken = JOURNAL_BROKEN
    said = command("reconcile", "--json")
    assert said.code == 70
    assert "malformed" in said.json["error"]


NOW = 1_780_000_000.0
SOFT, AGED, TOTAL, MISMATCH = findings(NOW)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"findings": ()}, 0, "consistent: 41 invoices in 2 currencies, 1 queue"),
        ({"findings": (), "queues": ()}, 0, "consistent: 41 invoices in 2 currencies"),
        (
            {"findings": (), "queues": (), "totals": {Status.PAID: {"USD": Tally(1, Decimal(9))}}},
            0,
            "consistent: 1 invoice",
        ),
        ({"findings": (), "queues": (), "totals": {}, "files": 0}, 3, "no books: no invoice"),
        ({"findings": (SOFT,)}, 1, "1 finding, it may be agents at work"),
        ({"findings": (SOFT, replace(SOFT, finding=TOTAL.finding))}, 1, "2 findings, all of them may be agents at"),
        ({"findings": (SOFT, AGED)}, 1, "2 findings, 1 of them may be agents at work"),
        ({"findings": (AGED,)}, 1, "1 finding\n"),
        ({"findings": (AGED, MISMATCH)}, 2, "2 findings\n"),
        ({"findings": (MISMATCH,), "observed": False}, 3, "not known: they can not be seen"),
        ({"findings": (), "at": None}, 3, "not known: they have not been compared yet"),
    ],
)
def test_the_last_line_says_it_in_words_and_the_exit_code_as_check_does(
    command: Command, served: Served, changes: dict[str, Any], code: int, words: str
) -> None:
    served.control.account = account(NOW, **changes)
    said = command("reconcile")
    assert said.code == code
    assert (
        words
        in said.out.removesuffix("collections-supervisor reconcile --fix shows what would mend").rpartition("\n\n")[2]
    )


def test_what_a_restart_left_is_named_as_such(command: Command, served: Served) -> None:
    left = replace(MISMATCH, after_restart="the restart of payment-watcher")
    served.control.account = account(NOW, findings=(left,))
    assert "1,400.00 USD in the ledger; left by the restart of payment-watcher\n" in command("reconcile").out


def test_what_agents_wrote_moves_no_cursor(command: Command, served: Served) -> None:
    hostile = found(
        CheckName.SCHEMA, "\x1b[2J\u202e", NOW, file="/s/\ud800.json", invoice="\x07", expected="\n", found="\r"
    )
    served.control.account = account(NOW, findings=(hostile,))
    for words in (("reconcile",), ("status",)):
        out = command(*words).out
        assert all(line.isprintable() for line in out.splitlines()), words
        assert "�[2J�" in out


# --- check and status --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["check", "status"])
def test_the_books_are_a_part_of_everything(command: Command, served: Served, name: str) -> None:
    served.control.account = account(time.time())
    lines = [line for line in command(name).out.splitlines() if not line.startswith("Next: ")]
    assert lines[3:] == [
        "unpaid     29 invoices  1,200.50 EUR + 681,398.27 USD",
        "paid       11 invoices  153,484.23 USD",
        "escalated  1 invoice    8,600.00 USD",
        "change in 24 h: no data",
        "queue collections-emailer: 11 waiting, the oldest for 2 h 5 min",
        "finding critical  amount_mismatch  collections_ledger.md:7",
        "  invoice INV-7 is 1,500.00 USD in its file, but 1,400.00 USD in the ledger",
        "finding critical  section_total  collections_ledger.md:52",
        "  the entries under Unpaid come to 681,398.27 USD, but the Summary says 681,398.00 USD",
        "finding warning   queue_age  collections-emailer.jsonl:1",
        "  the oldest message of the queue collections-emailer has waited for 2 h 5 min",
    ]


def test_the_change_of_a_day_is_a_part_of_everything(command: Command, served: Served) -> None:
    control, now = served.control, time.time()
    control.account, control.trend = account(now), trend(now)
    told = "unpaid +1 invoice, +200.50 EUR and -1 invoice, -1,500.01 USD; paid +1 invoice, +1,500.01 USD\n"
    assert f"\nchange in 24 h: {told}" in command("status").out
    control.trend = replace(control.trend, change_since=now - 3 * 86400.0)
    assert re.search(r"\nchange since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: unpaid", command("status").out)
    control.trend = Trend({status: {} for status in Status}, now - 86400.0)
    assert "\nchange in 24 h: none\n" in command("status").out


@pytest.mark.parametrize("changes", [{}, {"at": NOW}, {"at": NOW, "observed": False}])
def test_people_without_books_are_not_bothered(command: Command, served: Served, changes: dict[str, Any]) -> None:
    served.control.account = Account(**changes)
    assert len(command("status").out.splitlines()) == 1 + len(served.control.agents)


def test_many_findings_are_counted(command: Command, served: Served) -> None:
    many = tuple(found(CheckName.CHECKSUM, f"finding {n}", NOW, invoice=f"INV-{n}") for n in range(17))
    served.control.account = account(NOW, findings=many, queues=())
    out = command("status").out
    assert out.count("finding critical") == 5
    assert out.endswith("  finding 12\nand 12 more: collections-supervisor reconcile\n")


def test_books_that_are_not_known_are_said(command: Command, served: Served) -> None:
    served.control.account = account(NOW, observed=False)
    assert "books not known: they can not be seen" in command("status").out
