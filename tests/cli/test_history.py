"""`incidents` and `events`."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from supervisor.cli import _client
from supervisor.domain.escalation import IncidentState
from tests.cli.conftest import PYTHON, Command
from tests.support.control import NOW, MemoryControl
from tests.support.served import Served


def test_incidents_are_a_table_with_the_open_ones_first(command: Command, served: Served) -> None:
    now = time.time()
    opened = served.control.open("watcher:heartbeat", opened_at=now - 7200)
    over = served.control.open(
        "mailer:heartbeat", state=IncidentState.RESOLVED, resolved_at=now, resolution="a fresh heartbeat"
    )
    said = command("incidents")
    heads, first, second = said.out.splitlines()
    assert heads.split() == ["ID", "STATE", "SEVERITY", "OPENED", "WHAT"]
    assert first.split()[:3] == [opened.id, "triggered", "critical"]
    assert second.split()[:2] == [over.id, "resolved"]
    assert "mailer:heartbeat: a fresh heartbeat" in second
    assert [one["id"] for one in command("incidents", "--since", "1h", "--json").json["incidents"]] == [over.id]


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 100])
def test_long_lists_come_in_pages_and_are_one(
    command: Command, served: Served, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(_client, "PAGE", 3)
    opened = [served.control.open(f"agent{number}:heartbeat", opened_at=NOW + number) for number in range(7)]
    for number in range(7):
        served.control.record("agent_log", "mailer", message=str(number))
    newest = [one.id for one in reversed(opened)]
    said = command("incidents", "--limit", str(limit), "--json").json["incidents"]
    assert [one["id"] for one in said] == newest[:limit]
    said = command("events", "--limit", str(limit), "--json").json["events"]
    assert [event["message"] for event in said] == [str(number) for number in range(7)][-limit:]


@pytest.mark.parametrize("name", ["incidents", "events"])
def test_no_rows_at_all_can_not_be_asked_for(command: Command, served: Served, name: str) -> None:
    said = command(name, "--limit", "0")
    assert said.code == 64
    assert "limit" in said.err


def test_no_incidents(command: Command, served: Served) -> None:
    assert command("incidents").out == "no incidents\n"


def test_events_are_a_line_each(command: Command, served: Served, control: MemoryControl) -> None:
    control.record("gate_closed", reason="the clock jumped")
    control.record("agent_released", "mailer", by="ann")
    control.record("something_new", "mailer", colour="green", empty="")
    said = command("events")
    assert [line.split("  ")[-1] for line in said.out.splitlines()] == [
        "decisions wait: the clock jumped",
        "mailer: restarts released by ann",
        "mailer: something new: colour green",
    ]
    assert [one["event"] for one in command("events", "--agent", "mailer", "--json").json["events"]] == [
        "agent_released",
        "something_new",
    ]
    assert command("events", "--since", "2h", "--limit", "1", "--json").json["events"][0]["id"] == 3
    assert command("events", "--since", "2100-01-01T00:00:00Z", "--json").json == {"events": []}


def test_events_follow_through_a_restart_of_the_daemon(served: Served) -> None:
    served.call(served.control.record, "agent_log", "mailer", message="before")
    with subprocess.Popen(
        [*PYTHON, "events", "-f", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None

        def next_message() -> str:
            assert process.stdout is not None
            return str(json.loads(process.stdout.readline())["message"])

        try:
            assert next_message() == "before"
            served.call(served.control.record, "agent_log", "mailer", message="live")
            assert next_message() == "live"
            served.stop()
            assert "waiting for the next" in process.stderr.readline()
            served.control.record("agent_log", "mailer", message="meanwhile")
            served.start()
            assert next_message() == "meanwhile"
            served.call(served.control.record, "agent_log", "mailer", message="after")
            assert next_message() == "after"
        finally:
            process.terminate()
            process.wait(20)
