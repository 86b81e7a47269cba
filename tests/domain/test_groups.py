"""What a message of many incidents says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.groups import IDS, SHOWN, Group, group_id
from supervisor.domain.messages import utc


def notice(number: int, kind: NoticeKind = NoticeKind.TRIGGERED, **message: Any) -> Delivery:
    text = {
        "type": "AGENT_ESCALATION",
        "incident": f"{number:08x}",
        "key": f"a{number}:heartbeat",
        "kind": kind.value,
        "severity": "critical",
        "summary": "no heartbeat for 1 h",
        "opened_at": utc(1000.0 + number),
        "evidence": {"agent_said": {"message": "x" * 60_000}},
    }
    return Delivery(f"{number:08x}.1", f"{number:08x}", "caine", kind, {**text, **message}, 0.0, 0.0, 1)


def told(*notices: Delivery) -> Delivery:
    group = Group("group.1", "caine")
    for one in notices:
        group.add(one)
    return group.delivery()


def test_it_counts_names_the_worst_and_says_what_to_type() -> None:
    warnings = [notice(number, severity="warning", key=f"a{number}:stalled") for number in range(20)]
    made = told(*warnings, *(notice(number) for number in range(20, 500)))
    message = made.message
    assert (made.id, made.kind, made.channel) == ("group.1", NoticeKind.TRIGGERED, "caine")
    assert message["type"] == "INCIDENT_GROUP"
    assert message["summary"] == "500 incidents: 480 critical, 20 warning"
    assert message["counts"] == {
        "total": 500,
        "triggered": 500,
        "resolved": 0,
        "severity": {"warning": 20, "critical": 480},
        "cause": {"heartbeat": 480, "stalled": 20},
    }
    assert [line["incident"] for line in message["incidents"]] == [f"{number:08x}" for number in range(20, 30)]
    assert message["more"] == 490
    assert message["opened_at"] == utc(1000.0)
    assert message["severity"] == "critical"
    assert message["action_required"].endswith("`collections-supervisor ack --all`")


def test_a_few_are_acknowledged_by_their_ids() -> None:
    message = told(notice(1), notice(2, NoticeKind.RESOLVED), notice(3, severity="warning")).message
    assert message["summary"] == "2 incidents: 1 critical, 1 warning; 1 over"
    assert message["action_required"].endswith("`collections-supervisor ack 00000001 00000003`")
    assert [line["incident"] for line in message["incidents"]] == ["00000001", "00000003", "00000002"]


def test_the_end_of_all_asks_for_nothing() -> None:
    made = told(notice(1, NoticeKind.RESOLVED), notice(2, NoticeKind.RESOLVED))
    assert made.kind is NoticeKind.RESOLVED
    assert made.message["summary"] == "2 incidents over"
    assert made.message["action_required"] == "none: they are over"


def test_failing_channels_are_one_cause() -> None:
    keys = ("supervisor:channel.a", "supervisor:channel.b")
    message = told(*(notice(number, key=key) for number, key in enumerate(keys))).message
    assert message["counts"]["cause"] == {"channel": 2}


def test_the_same_members_have_the_same_name() -> None:
    assert group_id(["a.1", "b.1"]) == group_id(["a.1", "b.1"]) != group_id(["a.1", "b.2"])


def test_it_is_no_longer_for_ten_thousand() -> None:
    message = told(*(notice(number, summary="y" * 5000) for number in range(10_000))).message
    assert message["counts"]["total"] == 10_000
    assert len(json.dumps({**message, "incident_ids": []})) < 8000
    assert message["incident_ids"] == [f"{number:08x}" for number in range(IDS)]


def test_what_is_new_is_named_before_what_was_told_before() -> None:
    again = [notice(number, NoticeKind.REPEATED) for number in range(20)]
    for kind in (NoticeKind.TRIGGERED, NoticeKind.SILENCE_ENDED, NoticeKind.ACK_EXPIRED):
        made = told(*again, notice(99, kind, severity="warning"), notice(100, NoticeKind.RESOLVED))
        assert made.kind is kind
        assert made.message["kind"] == kind.value
        assert made.message["severity"] == "critical"
        assert made.message["incidents"][0]["incident"] == f"{99:08x}"


def test_a_new_incident_is_named_before_those_whose_acknowledgement_ended() -> None:
    expired = [notice(number, NoticeKind.ACK_EXPIRED) for number in range(20)]
    made = told(*expired, notice(99))
    assert made.kind is NoticeKind.TRIGGERED
    assert made.message["incidents"][0]["incident"] == f"{99:08x}"


def test_programs_get_the_ids_of_what_is_open_and_of_what_is_over() -> None:
    message = told(notice(1), notice(2, NoticeKind.RESOLVED), notice(3, severity="warning")).message
    assert message["incident_ids"] == ["00000001", "00000003"]
    assert message["resolved_ids"] == ["00000002"]


def test_each_try_says_the_same_while_the_members_are_the_same() -> None:
    members = [replace(notice(number), created_at=1000.0 + number) for number in range(3)]
    first, again = told(*members), told(*(replace(one, attempts=4, next_at=9999.0) for one in members))
    assert first.message == again.message
    assert first.created_at == again.created_at == 1002.0
    assert first.message["timestamp"] == utc(1002.0)


KINDS = st.sampled_from([kind for kind in NoticeKind if kind is not NoticeKind.TEST])


@given(st.lists(st.tuples(KINDS, st.sampled_from(["warning", "critical"])), min_size=1, max_size=40))
def test_nobody_is_lost_in_the_count(members: list[tuple[NoticeKind, str]]) -> None:
    message = told(*(notice(place, kind, severity=how) for place, (kind, how) in enumerate(members))).message
    counts = message["counts"]
    assert counts["total"] == len(members) == counts["triggered"] + counts["resolved"]
    assert sum(counts["severity"].values()) == sum(counts["cause"].values()) == len(members)
    assert len(message["incidents"]) == min(len(members), SHOWN)
    assert message["more"] == len(members) - len(message["incidents"])
