from __future__ import annotations

import dataclasses

from supervisor.domain import records
from supervisor.domain.records import Record

PROMISED = (
    *("supervisor_started", "supervisor_ready", "supervisor_stopping", "config_reloaded", "config_rejected"),
    *("heartbeat_received", "heartbeat_missed", "health_changed", "restart_started", "restart_finished"),
    *("restart_refused", "escalation_triggered", "incident_opened", "incident_acknowledged", "incident_resolved"),
    *("notification_sent", "notification_failed", "dashboard_written", "watch_lost", "watch_restored", "resync"),
    *("gate_closed", "gate_opened", "unregistered_agent"),
)


def test_names_are_those_that_consumers_rely_on() -> None:
    assert set(PROMISED) <= {cls.event() for cls in records.every()}


def test_every_record_stands_there_once() -> None:
    names = [cls.event() for cls in records.every()]
    assert len(names) == len(set(names))
    assert Record not in records.every()


def test_a_record_is_made_of_what_every_returns() -> None:
    assert records.GateClosed in records.every()
    assert isinstance(records.GateClosed("loop_stalled"), tuple(records.every()))


def test_every_record_is_a_frozen_value_with_a_level_and_a_word_about_itself() -> None:
    for cls in records.every():
        assert dataclasses.is_dataclass(cls)
        assert cls.LEVEL in {"debug", "info", "warning", "error"}
        assert cls.__doc__
        assert "__dict__" not in dir(cls)


def test_a_heartbeat_is_no_news_for_the_journal() -> None:
    assert (records.HeartbeatReceived.LEVEL, records.HeartbeatReceived.KEPT) == ("debug", False)
