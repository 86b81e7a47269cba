from __future__ import annotations

from typing import Any

import pytest

from supervisor.domain import records
from supervisor.faces import sentences
from supervisor.faces.sentences import sentence


def clock(at: Any) -> str:
    return f"@{at}"


def test_every_kept_record_has_its_sentence() -> None:
    assert {cls.event() for cls in records.every() if cls.KEPT} == sentences._SENTENCES.keys()


@pytest.mark.parametrize(
    ("event", "fields", "text"),
    [
        ("supervisor_started", {"absent": 125}, "the supervisor started after 2 min 5 s away"),
        ("supervisor_started", {}, "the supervisor started"),
        ("supervisor_ready", {"seconds": 0.25}, "the supervisor is ready after 0.2 s"),
        (
            "heartbeat_missed",
            {"consecutive_misses": 2, "due": 7, "reason": "silent"},
            "missed 2 heartbeats, due at @7: silent",
        ),
        ("heartbeat_invalid", {"file": "a.log", "line": 3, "error": "x"}, "(a.log, line 3): x"),
        ("clock_skew", {"ahead": 90}, "a heartbeat is dated 1 min 30 s in the future"),
        ("restart_finished", {"attempt": 1, "ok": True, "seconds": 3}, "restart done after 3 s"),
        (
            "restart_finished",
            {"attempt": 2, "ok": False, "seconds": 3, "exit_code": 1, "detail": "exit code 1"},
            "restart failed after 3 s: exit code 1",
        ),
        (
            "restart_refused",
            {"reason": "activity", "until": 9, "detail": "/a.log was last written 2 min ago"},
            "restart not started: activity until @9: /a.log was last written 2 min ago",
        ),
        ("restart_refused", {"reason": "critical_phase", "until": 9}, "restart not started: critical phase until @9"),
        ("agent_started", {"ok": False, "seconds": 1, "detail": "not found"}, "its start failed after 1 s: not found"),
        ("agent_exited", {"exit_code": 4}, "its process ended: exit code 4"),
        ("agent_exited", {"exit_code": None}, "its process ended"),
        (
            "config_reloaded",
            {"added": ["a", "b"], "changed": [], "removed": ["c"]},
            "in force: added a, b; removed c",
        ),
        ("config_reloaded", {"added": []}, "in force: the same agents"),
        ("notification_sent", {"incident": "1", "channel": "c", "kind": "k", "attempts": 1}, "was told (k, 1 try)"),
        ("notification_sent", {"incident": "1", "channel": "c", "kind": "k", "attempts": 2}, "was told (k, 2 tries)"),
        ("notification_failed", {"error": "no", "retry_at": 5}, "no; tried again at @5"),
        ("notification_failed", {"error": "no"}, "no; it is not tried again"),
        ("agent_held", {"by": "ann", "until": 5}, "restarts held by ann until @5"),
        ("agent_released", {}, "restarts released by ?"),
        ("something_new", {"a": 1, "b": "", "c": None}, "something new: a 1"),
        ("something_new", {}, "something new"),
    ],
)
def test_sentences(event: str, fields: dict[str, Any], text: str) -> None:
    assert sentence(event, fields, clock).endswith(text)


def test_braces_in_what_others_wrote_are_only_text() -> None:
    assert (
        sentence("agent_log", {"message": "{seconds} {0.__class__}"}, clock)
        == "the agent says: {seconds} {0.__class__}"
    )
