from __future__ import annotations

from dataclasses import replace

from supervisor import checks
from supervisor.domain.books import Document, FileCase
from supervisor.domain.findings import CheckName, Problem
from tests.checks.examples import found

WRONG = Problem(CheckName.CHECKSUM, "the document was changed", 10, "5da26d221cef0b2e", "0000000000000000", "INV-1")


def file(*problems: Problem) -> FileCase:
    return FileCase("/books/acme/INV-1.json", Document("/books/acme/INV-1.json", False, None, problems))


def test_a_wrong_checksum() -> None:
    assert found(file(WRONG)) == ["checksum acme/INV-1.json:10: 5da26d221cef0b2e, not 0000000000000000"]
    assert found(file()) == []


def test_it_is_the_same_finding_when_the_document_changes_again() -> None:
    (before,) = checks.find(file(WRONG))
    (after,) = checks.find(file(replace(WRONG, expected="1" * 16)))
    assert before.id == after.id
