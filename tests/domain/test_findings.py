from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.actions import Severity
from supervisor.domain.findings import PHRASES, CheckName, Finding

WRONG = Finding(CheckName.AMOUNT_MISMATCH, "INV-1", "1 is not 2", "/books/ledger.md", 5, "INV-1", "1.00", "2.00")
ANY = st.text(st.characters(codec=None))


def test_an_id_is_twelve_hex_digits_and_will_be_tomorrow() -> None:
    """It stands in journals and in people's notes."""
    assert WRONG.id == "54dd9fee4344"


@pytest.mark.parametrize(
    "change",
    [
        {"line": 9},
        {"file": "/other"},
        {"message": "?"},
        {"expected": "3"},
        {"found": "4"},
        {"severity": Severity.CRITICAL},
    ],
)
def test_wherever_it_stands_and_whatever_the_figures_its_id_stays(change: dict[str, Any]) -> None:
    assert replace(WRONG, **change).id == WRONG.id


@given(st.sampled_from(CheckName), ANY, st.sampled_from(CheckName), ANY)
def test_another_check_or_another_subject_has_another_id(a: CheckName, one: str, b: CheckName, other: str) -> None:
    same = Finding(a, one, "", "").id == Finding(b, other, "", "").id
    assert same is ((a, one) == (b, other))


def test_every_check_has_its_phrase() -> None:
    assert set(PHRASES) == set(CheckName)
