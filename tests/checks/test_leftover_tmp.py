from __future__ import annotations

from supervisor import checks
from supervisor.domain.books import FileCase
from tests.checks.examples import document, found


def test_a_temporary_file_is_left_over() -> None:
    case = FileCase("/books/acme/INV-1.json.tmp", None)
    assert found(case) == ["leftover_tmp acme/INV-1.json.tmp"]
    (finding,) = checks.find(case)
    assert finding.message == "a temporary file was left behind: 'acme/INV-1.json.tmp'"


def test_an_invoice_is_not() -> None:
    assert found(FileCase("/books/acme/INV-1.json", document("acme/INV-1 unpaid 10"))) == []
