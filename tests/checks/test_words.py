from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.checks import _words as words

ANY = st.text(st.characters(codec=None))  # lone surrogates too, as in odd file names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("INV-2026-07001", "INV-2026-07001"),
        ("FV/2026#7.1", "FV/2026#7.1"),
        ("Ñandú", "Ñandú"),
        ("", "''"),
        ("INV 1", "'INV 1'"),
        ("INV-1 agrees; invoice INV-2", "'INV-1 agrees; invoice INV-2'"),
        ("o'clock", '"o\'clock"'),
        ("INV-1\n", "'INV-1\N{REPLACEMENT CHARACTER}'"),
        ("\x1b[2J", "'\N{REPLACEMENT CHARACTER}[2J'"),
        ("\u202e1-VNI", "'\N{REPLACEMENT CHARACTER}1-VNI'"),
        ("\udcff", "'\N{REPLACEMENT CHARACTER}'"),
        ("9" * 200, "9" * 200),
        ("9" * 201, f"'{'9' * 199}…'"),
    ],
)
def test_a_name_is_plain_or_in_quotes(text: str, said: str) -> None:
    assert words.named(text) == said


@given(ANY)
def test_what_is_shown_is_printable_and_short(text: str) -> None:
    for shown in (words.shown(text * 9), words.named(text * 9), words.quoted(text * 9)):
        assert shown.isprintable()
        assert len(shown) <= 2 * words.LONGEST + 2


@given(ANY)
def test_what_is_quoted_can_not_end_its_quotes(text: str) -> None:
    quoted = words.quoted(text)
    mark = quoted[0]
    assert mark in "'\""
    assert quoted[-1] == mark
    assert mark not in quoted[1:-1].replace("\\\\", "").replace(f"\\{mark}", "")


@pytest.mark.parametrize(
    ("path", "said"), [("/books/acme/INV-1.json", "acme/INV-1.json"), ("/INV-1.json", "/INV-1.json"), ("a", "a")]
)
def test_a_file_by_its_folder(path: str, said: str) -> None:
    assert words.short(path) == said


@pytest.mark.parametrize(
    ("numbers", "said"), [([5, 12], "lines 5, 12"), ([1, 2, 3, 4, 5, 6, 7], "lines 1, 2, 3, 4, 5, …")]
)
def test_lines(numbers: list[int], said: str) -> None:
    assert words.lines(numbers) == said


@given(st.lists(ANY), st.lists(ANY))
def test_other_parts_other_subject(one: list[str], other: list[str]) -> None:
    assert (words.subject(*one) == words.subject(*other)) is (one == other)
    assert words.subject(*one).isascii()
