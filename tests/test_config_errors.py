from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config_errors import Key, Origin, Problem, dotted, key_lines, unknown

TEXT = """\
top = 1
# [not.a.table]
[one]  # a comment
a = 1
b.c = 2
"odd key" = 3
[ two . "x y" ]
list = [
  { d = 1 },
]
[[three]]
e = 1
[[three]]
e = 2
a = "later"
"""


def test_where_tables_and_keys_stand() -> None:
    lines = key_lines(TEXT)
    expected: dict[Key, int] = {
        ("top",): 1,
        ("one",): 3,
        ("one", "a"): 4,
        ("one", "b", "c"): 5,
        ("one", "odd key"): 6,
        ("two", "x y"): 7,
        ("two", "x y", "list"): 8,
        ("three", 0): 11,
        ("three", 0, "e"): 12,
        ("three", 1, "e"): 14,
        ("three", 1, "a"): 15,
    }
    assert {key: lines.get(key) for key in expected} == expected
    assert ("not", "a", "table") not in lines


@given(st.text(alphabet="[]\"'=.#{} \n\\ab1\0é"))
def test_looking_for_lines_never_fails(text: str) -> None:
    assert all(1 <= line <= len(text.splitlines()) for line in key_lines(text).values())


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (("a", "b-c", "d_1"), "a.b-c.d_1"),
        (("chain", 0, "channel"), "chain[0].channel"),
        (("agents", "a.b"), 'agents."a.b"'),
        (("agents", 'q"\n'), 'agents."q\\"\\n"'),
    ],
)
def test_keys_are_written_as_in_toml(key: Key, text: str) -> None:
    assert dotted(key) == text


def test_a_key_without_a_line_takes_that_of_its_table() -> None:
    origin = Origin(Path("/x.toml"), TEXT)
    error = origin.error([Problem(("three", 1, "missing"), "is required"), Problem(("nowhere",), "is odd")])
    assert error.problems == ("/x.toml: nowhere: is odd", "/x.toml:13: three[1].missing: is required")


def test_without_a_file_there_is_no_line() -> None:
    assert str(Origin().error([Problem(("a",), "is odd"), Problem(("a",), "is odd")])) == "configuration: a: is odd"


def test_unknown_names_the_nearest_or_all() -> None:
    assert unknown("key", "shere", ["share", "window"]) == 'unknown key "shere": did you mean "share"?'
    assert unknown("key", "zzz", ["b", "a", "b"]) == 'unknown key "zzz": expected one of a, b'
    assert unknown("key", "zzz", []) == 'unknown key "zzz": there is none'
