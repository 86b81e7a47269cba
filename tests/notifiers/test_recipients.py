from __future__ import annotations

import pytest

from supervisor.notifiers import _recipients
from supervisor.notifiers._recipients import Recipients


def test_who_has_taken_a_notice_is_missing_no_more() -> None:
    known: Recipients[str] = Recipients()
    assert known.missing("1", ("ann", "bob", "eve")) == ["ann", "bob", "eve"]
    known.took("1", ["bob"])
    known.took("1", ["eve"])
    assert known.missing("1", ("ann", "bob", "eve")) == ["ann"]
    assert known.missing("2", ("ann", "bob")) == ["ann", "bob"]


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recipients, "REMEMBERED", 2)
    known: Recipients[str] = Recipients()
    for id_ in ("1", "2", "1", "3"):
        known.took(id_, ["ann"])
    assert [id_ for id_ in "123" if not known.missing(id_, ["ann"])] == ["1", "3"]
