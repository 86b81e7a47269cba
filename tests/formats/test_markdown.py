from __future__ import annotations

import pytest

from supervisor.formats.markdown import COMMENT_ENDS, Heading, Hidden, Outline, bullet


def seen(*lines: str) -> list[str | Heading]:
    outline = Outline()
    return [outline.see(line) for line in lines]


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# A  \u00a0 b", Heading(1, "a b")),
        ("###### A ######", Heading(6, "a")),
        ('  ## **It\'s "A"**: ', Heading(2, "it's \"a")),
        ("##A", Heading(2, "a", sure=False)),
        ("#", Heading(1, "")),
        ("# --- <!-- A -->", Heading(1, "")),
    ],
)
def test_a_heading_has_a_level_and_words(line: str, heading: Heading) -> None:
    assert seen(line) == [heading]


@pytest.mark.parametrize("line", ["####### A", "> # A", "A #", "---", "==", "- # A"])
def test_what_is_no_heading_is_text(line: str) -> None:
    assert seen(line) == [line]


def test_a_line_below_makes_a_heading_of_a_text() -> None:
    assert seen("A", "===", "B ", " --", "---") == ["A", Heading(1, "a"), "B ", Heading(2, "b"), "---"]
    assert seen("- A", "---", "", "---", "# A", "---", "=-") == ["- A", "---", "", "---", Heading(1, "a"), "---", "=-"]


def test_a_comment_in_a_line_leaves_the_columns_where_they_are() -> None:
    assert seen("a<!-- b -->c<!-->d <!-- e") == ["a" + " " * 10 + "c" + " " * 5 + "d <!-- e"]


def test_what_is_hidden_is_not_seen() -> None:
    assert seen("<!-- a", "# b", "c --> d", "e") == ["", "", "", "e"]
    assert seen("~~~~ a", "# b", "~~~", "`````", " ~~~~~ ", "e") == ["", "", "", "", "", "e"]
    assert seen("``` a", "<!--", "```", "<!-- -->", "e") == ["", "", "", "", "e"]


@pytest.mark.parametrize(("line", "end"), [(" <!-- a", COMMENT_ENDS), ("````sh", "````"), ("~~~", "~~~")])
def test_an_outline_tells_what_hides_the_next_line(line: str, end: str) -> None:
    outline = Outline()
    outline.see("a")
    outline.see(line)
    assert outline.hidden == Hidden(2, end)
    outline.see(end)
    assert outline.hidden is None


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (" - a \n", "a"),
        ("*\ta", "a"),
        ("+\u00a0a", "a"),
        ("-`a`", "`a`"),
        ("-", ""),
        ("- [X] a", "a"),
        ("- [y] a", "[y] a"),
        ("-a", None),
        ("**a**", None),
        ("---", None),
        ("a", None),
        ("", None),
    ],
)
def test_a_bullet_is_followed_by_a_blank_or_by_code(line: str, body: str | None) -> None:
    assert bullet(line) == body
