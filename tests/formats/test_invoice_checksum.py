"""The checksum that the agents put into an invoice."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st

from supervisor.domain.findings import CheckName, Problem
from supervisor.formats.invoice import parse
from tests.support.invoices import PAID, checksum, documents, line, only_problem, sound, values, written


def checksum_problems(data: bytes) -> list[Problem]:
    parsed = parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is not None
    return [problem for problem in parsed.problems if problem.check is CheckName.CHECKSUM]


@given(documents, st.booleans())
@example({"a": 1e16, "b": 1e-7, "c": 5e-324, "d": -0.0, "e": 10**30, "f": math.nan}, True)
@example({"a": '\x7f \u2028 \ud83d \U0001f4a9 / \\ " \b'}, True)
@example({"a": '\x7f \u2028 \U0001f4a9 / \\ " \b'}, False)
@example({"Ñ": 1, "\U0001f4a9": 2, "\uffff": 3, "": 4, "_x": 5}, False)
def test_whatever_an_agent_writes_and_sums_verifies(document: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(document | {"_checksum": checksum(document)}, indent=2, ensure_ascii=ascii_only)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only escapes can write
        reject()
    assert checksum_problems(data) == []


@given(documents, st.data())
def test_no_value_changes_unseen(document: dict[str, Any], data: st.DataObject) -> None:
    sums = [key for key in document if not key.startswith("_")]
    assume(sums)
    key = data.draw(st.sampled_from(sums))
    value = data.draw(values)
    changed = document | {key: value}
    assume(checksum(changed) != checksum(document))
    found = checksum_problems(written(changed, _checksum=checksum(document)))
    assert [(problem.expected, problem.found) for problem in found] == [(checksum(changed), checksum(document))]


def test_a_wrong_checksum_says_what_it_should_be() -> None:
    data = written(PAID | {"amount": 3200.51}, _checksum=checksum(PAID))
    invoice, problem = only_problem(data)
    assert invoice.amount == Decimal("3200.51")
    assert problem == Problem(
        CheckName.CHECKSUM,
        "the document is not the one that its checksum was made of",
        line(data, '"_checksum"'),
        checksum(PAID | {"amount": 3200.51}),
        checksum(PAID),
        "INV-7",
    )


def test_keys_with_an_underline_are_not_summed() -> None:
    sound(written(PAID | {"_updated_at": "later", "_by": [1]}, _checksum=checksum(PAID)))


@pytest.mark.parametrize("absent", [{}, {"_checksum": None}])
def test_a_document_without_a_checksum_is_taken_at_its_word(absent: dict[str, None]) -> None:
    sound(written(PAID | absent))
