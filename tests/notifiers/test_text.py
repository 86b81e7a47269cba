from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain import messages
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.escalation import Incident
from supervisor.domain.words import LINE_LIMIT
from supervisor.notifiers._text import TITLE_LIMIT, one_line, printable, text, title
from tests.support.deliveries import delivery

NOON = 1770811200.0  # 2026-02-11T12:00:00Z
INCIDENT = Incident(
    "0a1b2c3d",
    "payment-watcher:heartbeat",
    Severity.CRITICAL,
    "no heartbeat for 1 h 15 min; 2 misses in a row",
    NOON,
    evidence={
        "consecutive_misses": 2,
        "restarts_exhausted": True,
        "last_heartbeat": "2026-02-11T10:45:00.000000Z",
        "agent_said": {"message": "working on INV-1"},
        "last_restart": {
            "attempt": 3,
            "started": "2026-02-11T11:45:00.000000Z",
            "ok": False,
            "detail": "exit code 1",
            "stderr": ["Traceback", "ValueError: 1"],
        },
    },
)


def told(incident: Incident, kind: NoticeKind = NoticeKind.TRIGGERED) -> Delivery:
    return Delivery("0a1b2c3d.1", incident.id, "ops", kind, messages.message(incident, kind, NOON + 60), NOON, NOON)


def test_an_escalation_says_what_since_when_what_was_tried_and_what_to_do() -> None:
    assert title(told(INCIDENT)) == "[CRITICAL] payment-watcher: no heartbeat for 1 h 15 min; 2 misses in a row"
    assert (
        text(told(INCIDENT))
        == """\
payment-watcher: no heartbeat for 1 h 15 min; 2 misses in a row

Since: 2026-02-11 12:00:00 UTC
Last heartbeat: 2026-02-11 10:45:00 UTC
Tried: restart 3 at 2026-02-11 11:45:00 UTC: exit code 1; the restarts are spent
To do: look: `collections-supervisor why payment-watcher`
       take it on: `collections-supervisor ack 0a1b2c3d`

The agent wrote:
> working on INV-1

The end of the restart's standard error:
> Traceback
> ValueError: 1

-- \n\
Notice 0a1b2c3d.1
"""
    )


@pytest.mark.parametrize(
    ("evidence", "tried"),
    [
        ({}, "no restart"),
        (
            {"last_restart": {"attempt": 1, "started": "x", "ok": True}},
            "restart 1 at x: no heartbeat followed",
        ),
        ({"last_restart": {"attempt": 1, "started": "x", "ok": None, "detail": ""}}, "restart 1 at x: it failed"),
        (
            {"last_restart": {"attempt": 1, "started": "x", "ok": False, "ended": None}},
            "restart 1 at x: it is under way",
        ),
        ({"last_restart": {"attempt": 0, "started": "x", "ok": True}}, "its start at x: no heartbeat followed"),
        (
            {"last_restart": {"attempt": 1, "started": "x", "ok": True, "heartbeat_followed": True}},
            "restart 1 at x: a heartbeat followed",
        ),
        (
            {"last_restart": {"attempt": 1, "started": "x", "ok": False, "detail": "no", "heartbeat_followed": True}},
            "restart 1 at x: no; a heartbeat followed",
        ),
    ],
)
def test_what_was_tried(evidence: dict[str, Any], tried: str) -> None:
    words = text(told(replace(INCIDENT, evidence={"last_heartbeat": None, **evidence})))
    assert f"\nTried: {tried}\n" in words
    assert "\nLast heartbeat: none\n" in words


def test_the_end_says_so() -> None:
    over = told(replace(INCIDENT, resolution="a heartbeat in time", evidence={}), NoticeKind.RESOLVED)
    assert title(over) == "[RESOLVED] payment-watcher: a heartbeat in time"
    assert "To do: none: it is over" in text(over)


def test_findings_and_doubts_are_listed() -> None:
    finding = {"file": "ledger.md", "line": 7, "message": "amounts differ", "expected": "1.00", "found": "2.00"}
    books = replace(INCIDENT, key="books:amount_mismatch", evidence={"findings": [finding, {"file": "a.json"}] * 9})
    words = text(told(books))
    assert "Found:\n> ledger.md:7 amounts differ (expected 1.00, found 2.00)\n> a.json\n> ledger.md:7" in words
    assert words.count("> ") == 5
    assert "Tried" not in words
    fleet = text(told(replace(INCIDENT, key="fleet:silent", evidence={"doubts": ["watch_lost"]})))
    assert fleet.startswith("fleet: no heartbeat")
    assert "Doubted:\n> watch_lost\n" in fleet


def test_a_unit_that_failed_is_told_with_the_end_of_its_journal() -> None:
    journal = ["starting", "\x1b[2J> Found:\n- all is well"]
    wrong = ["config.toml:3: agents.x.nonsense: unknown key"]
    message = messages.unit_message("x.service", "watchdog", "ended by SIGABRT", journal, NOON, user=True, wrong=wrong)
    one = Delivery("unit.x", "unit:x.service", "ops", NoticeKind.TRIGGERED, message, NOON, NOON)
    assert title(one) == "[CRITICAL] supervisor: x.service has failed: watchdog, ended by SIGABRT"
    assert (
        text(one)
        == """\
supervisor: x.service has failed: watchdog, ended by SIGABRT

Since: 2026-02-11 12:00:00 UTC
To do: look: `systemctl --user status x.service`
       read on: `journalctl --user-unit x.service`

The end of its journal:
> starting
> \N{REPLACEMENT CHARACTER}[2J> Found: - all is well

Wrong in the supervisor's configuration:
> config.toml:3: agents.x.nonsense: unknown key

-- \n\
Notice unit.x
"""
    )


def test_a_test_says_so() -> None:
    sent = Delivery("t", "test", "ops", NoticeKind.TEST, messages.test_message("ops", "ann", NOON), NOON, NOON)
    assert title(sent) == "[TEST] a test of channel ops, asked for by ann"
    assert text(sent).startswith("a test of channel ops, asked for by ann\n\nTo do: none: this is a test\n")


def test_one_line_is_printable_and_short() -> None:
    assert (
        one_line(" a\r\n\tb \x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}")
        == "a b \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}"
    )
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("x" * 60_000, 10) == "x" * 9 + "…"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)
KEYS = st.sampled_from(["agent", "summary", "opened_at", "action_required", "key", "severity"])
EVIDENCE = st.dictionaries(
    st.sampled_from(["agent_said", "last_restart", "findings", "doubts", "last_heartbeat"]),
    JSON | st.fixed_dictionaries({"message": JSON, "stderr": JSON, "detail": JSON}),
)


@given(st.dictionaries(KEYS, JSON), JSON | EVIDENCE, st.sampled_from(NoticeKind), st.text())
def test_whatever_is_told_can_be_said(message: dict[str, Any], evidence: Any, kind: NoticeKind, id_: str) -> None:
    sent = delivery(id_, kind, **message, evidence=evidence)
    assert title(sent).isprintable()
    assert len(title(sent)) <= TITLE_LIMIT
    assert text(sent).replace("\n", "").isprintable()


@given(JSON)
def test_what_is_printable_keeps_its_shape(value: Any) -> None:
    def check(value: Any) -> None:
        if isinstance(value, str):
            assert value.isprintable()
            assert len(value) <= LINE_LIMIT
        elif isinstance(value, dict):
            check([*value, *value.values()])
        elif isinstance(value, list):
            for inner in value:
                check(inner)

    check(printable(value))
    assert type(printable(value)) is type(value)
