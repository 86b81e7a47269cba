from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor import checks
from supervisor.checks._problems import ReadCase
from supervisor.domain.books import Document, EventsCase, FileCase, LedgerCase
from supervisor.domain.findings import CheckName, Problem
from tests.checks.examples import EVENTS, LEDGER

FILE = "/books/acme/INV-1.json"
TORN = Problem(CheckName.PARSE, "the line is no JSON object", 7, "an object", '{"invoice": "INV')
OTHER = replace(TORN, line=9, found="nonsense")


def file(*problems: Problem) -> FileCase:
    return FileCase(FILE, Document(FILE, archived=False, invoice=None, problems=problems))


def ledger(*problems: Problem) -> LedgerCase:
    return LedgerCase(LEDGER, problems)


def events(*problems: Problem) -> EventsCase:
    return EventsCase(EVENTS, problems)


@pytest.mark.parametrize(("case", "path"), [(file(TORN), FILE), (ledger(TORN), LEDGER), (events(TORN), EVENTS)])
def test_what_can_not_be_read_is_a_finding(case: ReadCase, path: str) -> None:
    (finding,) = checks.find(case)
    said = (finding.check, finding.message, finding.file, finding.line, finding.expected, finding.found)
    assert said == (CheckName.PARSE, "the line is no JSON object", path, 7, "an object", '{"invoice": "INV')


def test_what_can_be_read_is_none() -> None:
    assert (checks.find(file()), checks.find(ledger()), checks.find(events())) == ((), (), ())


def test_one_line_from_another_wherever_they_move() -> None:
    """A line is known by its text: other lines come and go, the ids stay."""
    first, second = checks.find(events(TORN, OTHER))
    assert first.id != second.id
    assert [one.id for one in checks.find(events(replace(OTHER, line=3), replace(TORN, line=4)))] == [
        second.id,
        first.id,
    ]


def test_the_same_line_twice_is_two_findings() -> None:
    first, second = checks.find(events(TORN, replace(TORN, line=8)))
    assert first.id != second.id
    (left,) = checks.find(events(replace(TORN, line=8)))
    assert left.id == first.id


def test_a_file_of_one_invoice_is_one_finding_whatever_is_wrong_with_it() -> None:
    (torn,) = checks.find(file(TORN))
    (other,) = checks.find(file(Problem(CheckName.PARSE, "the file is longer than 1 MiB")))
    assert torn.id == other.id
    (elsewhere,) = checks.find(replace(file(TORN), path="/books/acme/INV-2.json"))
    assert elsewhere.id != torn.id


def test_what_an_agent_wrote_is_data() -> None:
    evil = "\x1b[2J\nparse: all is well"
    (finding,) = checks.find(events(Problem(CheckName.PARSE, evil * 99, 1, evil, evil * 99, evil)))
    for text, longest in [(finding.message, 800), (finding.expected, 200), (finding.found, 200)]:
        assert text.isprintable()
        assert len(text) <= longest
