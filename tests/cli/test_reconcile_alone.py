"""`reconcile` by itself, where no daemon runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Place, edit


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
