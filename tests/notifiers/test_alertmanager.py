from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from supervisor.domain.delivery import NoticeKind
from supervisor.notifiers.alertmanager import Config, alert
from tests.support.deliveries import delivery

NOON = 1770811200.0  # 2026-02-11T12:00:00Z
URL = "http://localhost:9093"


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"urls": []}, "at least 1"),
        ({"urls": ["localhost:9093"]}, "http or https"),
        ({"urls": ["http://me:hunter2@localhost:9093"]}, "user or a password"),
        ({"refresh": "500ms"}, "greater than or equal to 1"),
        ({"labels": {"alertname": "x"}}, "own label"),
        ({"labels": {"a-b": "x"}}, "no label"),
        ({"labels": {"team": "x\ny"}}, "no label"),
        ({"labels": {"team": ""}}, "no label"),
        ({"username": "ann"}, "belong together"),
        ({"password_env": "PASSWORD"}, "belong together"),
        ({"username": "ann", "password_env": "PASSWORD", "token_env": "TOKEN"}, "a token or a username"),
    ],
)
def test_what_can_not_be_meant_is_refused(keys: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Config.model_validate({"urls": [URL], **keys})


def test_labels_are_the_same_from_the_first_to_the_last_of_an_incident() -> None:
    config = Config(urls=(URL,), labels={"team": "collections"})
    first = alert(config, delivery("INC-1.1"), NOON)
    again = alert(config, delivery("INC-1.1", NoticeKind.REPEATED, summary="no heartbeat for 2 h"), NOON + 60)
    last = alert(config, delivery("INC-1.3", NoticeKind.RESOLVED, summary="a heartbeat"), NOON + 90)
    assert first["labels"] == again["labels"] == last["labels"]
    assert first["labels"]["team"] == "collections"
    assert first["startsAt"] == last["startsAt"] == "2026-02-11T11:59:00.000000Z"
    assert [one["endsAt"] for one in (first, again, last)] == [
        "2026-02-11T12:04:00.000000Z",
        "2026-02-11T12:05:00.000000Z",
        "2026-02-11T12:01:30.000000Z",
    ]


@given(st.text(), st.sampled_from(NoticeKind), st.floats(0, 4e9))
def test_an_alert_is_one_whatever_was_written(text: str, kind: NoticeKind, now: float) -> None:
    told = alert(Config(urls=(URL,)), delivery(text, kind, agent=text, key=text, summary=text, evidence=text), now)
    assert told["startsAt"] <= told["endsAt"]
    assert all(value and value.isprintable() and len(value) <= 200 for value in told["labels"].values())
