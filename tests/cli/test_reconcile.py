"""`reconcile`, and the books in `check` and `status`."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
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
from tests.cli.conftest import Command, Place, on_a_terminal
from tests.support.accounts import LEDGER, STATE, account, findings, found, trend
from tests.support.control import JOURNAL_BROKEN, MemoryControl
from tests.support.served import Served

SAMPLE = Path(__file__).parents[1] / "samples" / "novotechno"

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


# --- by itself ---------------------------------------------------------------------------------------


@pytest.fixture
def sample(place: Place) -> Path:
    """A tree that the real agents wrote, with a queue of today. Returns the state folder."""
    shutil.copytree(SAMPLE, place.home / "novotechno")
    place.config(
        f"""
        [paths]
        cache = "{place.home}/novotechno/cache"
        state = "{place.home}/novotechno/share/state"
        [books]
        settle = "0s"
        """
    )
    queue = place.home / "novotechno" / "cache" / "queues" / "collections-emailer.jsonl"
    queue.write_text(re.sub(r'"_queued_at": [\d.]+', f'"_queued_at": {time.time()}', queue.read_text("utf-8")), "utf-8")
    return place.home / "novotechno" / "share" / "state"


def edit(path: Path, old: str, new: str) -> bytes:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return path.read_bytes()


@pytest.mark.usefixtures("sample")
def test_what_the_real_agents_wrote_is_consistent(command: Command) -> None:
    said = command("reconcile", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["books"]["findings"] == []
    assert said.json["books"]["consistent"] is True
    assert said.json["books"]["totals"] == {
        "unpaid": {"USD": {"count": 27, "total": "681398.27"}},
        "paid": {"USD": {"count": 11, "total": "153484.23"}},
        "escalated": {"USD": {"count": 2, "total": "8600.00"}},
        "review": {},
    }
    assert said.json["queues"]["healthy"] is True
    assert said.json["queues"]["queues"]["collections-emailer"]["depth"] == 11
    assert command("reconcile").out.splitlines()[-1] == "consistent: 40 invoices, 1 queue"


def test_a_fault_in_it_is_found(command: Command, sample: Path) -> None:
    ledger = sample / "collections_ledger.md"
    edit(ledger, "$153484.23", "$153484.32")
    said = command("reconcile", "--json")
    assert said.code == 2
    (finding,) = said.json["books"]["findings"]
    line = ledger.read_text("utf-8").splitlines().index("- **Paid Total:** $153484.32") + 1
    known = ("check", "severity", "state", "file", "line", "expected", "found")
    assert [finding[key] for key in known] == [
        *("section_total", "critical", "hard", str(ledger), line, "153484.23", "153484.32"),
    ]


def test_by_itself_it_tells_nobody_and_keeps_nothing(command: Command, sample: Path, place: Place) -> None:
    edit(sample / "collections_ledger.md", "$153484.23", "$153484.32")
    command("reconcile")
    said = command("status", "--json")
    assert said.json["books"] == {
        "consistent": None,
        "compared_at": None,
        "files": 0,
        "totals": {"unpaid": {}, "paid": {}, "escalated": {}, "review": {}},
        "findings": [],
        "change": None,
        "change_since": None,
    }
    assert said.json["queues"] == {"healthy": None, "queues": {}}
    journal = sqlite3.connect(place.home / ".local" / "state" / "collections-supervisor" / "journal.db")

    def kept() -> list[str]:
        return [event for (event,) in journal.execute("SELECT event FROM rows WHERE event = 'finding_opened'")]

    assert kept() == []
    checked = command("check", "--json").json
    assert "books:section_total" in {one["key"] for one in checked["incidents"]}
    assert kept() == ["finding_opened"]
    journal.close()


@pytest.mark.usefixtures("place")
def test_where_there_are_no_books_it_says_so(command: Command) -> None:
    done = command("reconcile")
    assert done.code == 3
    assert (
        done.out == "no books: no invoice, no entry of a ledger, no queue; check-config shows where they should lie\n"
    )


def test_a_wrong_configuration_is_said(command: Command, place: Place) -> None:
    place.config("[books]\ncurrency = 7\n")
    for words in (("reconcile",), ("reconcile", "--fix")):
        said = command(*words)
        assert (said.code, said.out) == (64, "")
        assert "books.currency" in said.err


# --- the mending -------------------------------------------------------------------------------------


def test_without_yes_the_plan_is_shown_and_nothing_changed(command: Command, sample: Path) -> None:
    ledger = sample / "collections_ledger.md"
    wrong = edit(ledger, "$153484.23", "$153484.32")
    said = command("reconcile", "--fix")
    assert said.code == 1
    assert (
        said.out
        == f"""\
--- {ledger}
+++ {ledger}
@@ -48,6 +48,6 @@
 - `INV-2026-07017` | $8,000.00 | 14 days overdue | Escalated: 2026-02-11 | Status: escalated
 ## Summary
 - **Unpaid Total:** $681398.27
-- **Paid Total:** $153484.32
+- **Paid Total:** $153484.23
 - **Escalated Total:** $8600.00
 - **Grand Total:** $843482.50
1 total would be mended; nothing is changed without --yes
"""
    )
    assert ledger.read_bytes() == wrong
    assert not list(sample.glob("*.bak*"))


def test_with_yes_it_is_done(command: Command, sample: Path) -> None:
    ledger = sample / "collections_ledger.md"
    right = ledger.read_bytes()
    edit(ledger, "$153484.23", "$153484.32")
    wrong = edit(ledger, "$843482.50", "soon")
    said = command("reconcile", "--fix", "--yes")
    assert (said.code, said.err) == (0, "")
    (backup,) = sample.glob("*.bak-*")
    assert said.out.endswith(f"2 totals mended, and checked again\nthe ledger as it was: {backup}\n")
    assert (ledger.read_bytes(), backup.read_bytes()) == (right, wrong)
    assert command("reconcile").code == 0
    said = command("reconcile", "--fix", "--yes")
    assert said.out == f"nothing to mend: the totals of {ledger} are the sums of its entries\n"
    assert said.code == 0
    assert list(sample.glob("*.bak-*")) == [backup]


def test_the_mending_as_json(command: Command, sample: Path, tmp_path: Path) -> None:
    ledger = sample / "collections_ledger.md"
    untouched = command("reconcile", "--fix", "--json")
    assert (untouched.code, untouched.json) == (
        0,
        {"ledger": str(ledger), "mended": False, "changes": [], "diff": "", "backup": None},
    )
    edit(ledger, "$153484.23", "$153484.32")
    edit(ledger, "$843482.50", "soon")
    planned = command("reconcile", "--fix", "--json")
    assert planned.code == 1
    assert planned.json["changes"] == [
        {"total": "paid", "line": 51, "expected": "153484.23", "found": "153484.32"},
        {"total": "grand", "line": 53, "expected": "843482.50", "found": None},
    ]
    report = tmp_path / "report.json"
    done = command("reconcile", "--fix", "--yes", "--json", "--output", str(report))
    assert done.code == 0
    assert done.json == json.loads(report.read_text("utf-8"))
    (backup,) = sample.glob("*.bak-*")
    assert done.json == planned.json | {"mended": True, "backup": str(backup)}


def test_yes_alone_is_wrong_usage(command: Command) -> None:
    said = command("reconcile", "--yes")
    assert (said.code, said.out) == (64, "")
    assert "--yes goes with --fix" in said.err


def test_while_the_agents_write_nothing_is_mended(command: Command, sample: Path, place: Place) -> None:
    ledger = sample / "collections_ledger.md"
    wrong = edit(ledger, "$153484.23", "$153484.32")
    edit(place.home / ".config" / "collections-supervisor" / "config.toml", 'settle = "0s"', 'settle = "30s"')
    said = command("reconcile", "--fix", "--yes")
    assert (said.code, said.out) == (1, "")
    assert f"nothing was changed: the agents are at work: {ledger} changed" in said.err
    assert ledger.read_bytes() == wrong
    assert command("reconcile", "--fix").code == 1  # to look is always allowed


def test_a_torn_ledger_is_not_mended(command: Command, sample: Path) -> None:
    ledger = sample / "collections_ledger.md"
    torn = ledger.read_bytes()[:1000]
    ledger.write_bytes(torn)
    for words in (("--fix",), ("--fix", "--yes", "--json")):
        said = command("reconcile", *words)
        assert said.code == 3
        assert "can not be read whole" in said.err
        assert "the last line is unfinished" in said.err
    assert ledger.read_bytes() == torn


def test_a_ledger_that_can_not_be_replaced_is_said(
    command: Command, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = edit(sample / "collections_ledger.md", "$153484.23", "$153484.32")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    said = command("reconcile", "--fix", "--yes")
    assert (said.code, said.out) == (74, "")
    assert "nothing was changed" in said.err
    assert "No space left on device" in said.err
    assert (sample / "collections_ledger.md").read_bytes() == wrong


@pytest.mark.parametrize(
    ("meanwhile", "code", "words"),
    [
        (lambda ledger: edit(ledger, "$153484.23", "$1.00"), 1, ("mended, and wrong again", "line 51: the entries")),
        (lambda ledger: ledger.unlink(), 3, ("mended, but not checked: there is no ledger",)),
    ],
)
def test_what_happens_to_a_mended_ledger_at_once_is_said(
    command: Command,
    sample: Path,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Path], object],
    code: int,
    words: tuple[str, ...],
) -> None:
    ledger = sample / "collections_ledger.md"
    edit(ledger, "$153484.23", "$153484.32")
    replace_ = Path.replace

    def replaced(path: Path, target: Path) -> Path:
        result = replace_(path, target)
        if target == ledger:
            meanwhile(ledger)
        return result

    monkeypatch.setattr(Path, "replace", replaced)
    said = command("reconcile", "--fix", "--yes")
    assert (said.code, said.out) == (code, "")
    for word in (*words, "the ledger as it was: "):
        assert word in said.err
    assert len(list(sample.glob("*.bak-*"))) == 1
