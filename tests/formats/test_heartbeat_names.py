"""Whose heartbeats a file holds, by its name."""

from __future__ import annotations

import pytest

from supervisor.formats.heartbeat import Form, agent_name, owner


@pytest.mark.parametrize("name", ["a", "9", "collections-emailer", "a.b_c-d", "A" * 64])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert agent_name(name) == name


@pytest.mark.parametrize("name", ["", ".a", "-a", "../etc", "a/b", "a b", "a\n", "ä", "A" * 65, "a\x00"])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an agent"):
        agent_name(name)


@pytest.mark.parametrize(
    ("file", "agent", "form"),
    [
        ("a.log", "a", Form.LINES),
        ("a.json", "a", Form.DOCUMENT),
        ("a", "a", Form.TOUCH),
        ("a.beat", "a", Form.TOUCH),
        ("a.b", "a.b", Form.TOUCH),
        ("a.b.log", "a.b", Form.LINES),
        ("payment-watcher.v2.json", "payment-watcher.v2", Form.DOCUMENT),
    ],
)
def test_a_file_belongs_to_an_agent(file: str, agent: str, form: Form) -> None:
    assert owner(file) == (agent, form)


@pytest.mark.parametrize(
    "file",
    [
        "a.json.tmp",
        "a.tmp",
        "a.log.bak",
        "a.log~",
        ".a.log.swp",
        "a.swp",
        ".a.json",
        ".log",
        "a.log.1",
        "a.log-20260211",
        "a.log.2.gz",
        "",
        "..",
        "a b.log",
        "\udcff.log",
        "A" * 65 + ".log",
    ],
)
def test_a_temporary_rotated_or_hidden_file_is_nobodys(file: str) -> None:
    assert owner(file) is None


@pytest.mark.parametrize("name", ["fleet", "books.log", "supervisor.json"])
def test_no_agent_has_the_name_of_what_is_no_agent(name: str) -> None:
    assert owner(name) is None
