"""Commands that ask: check, status, why, incidents, events, dashboard."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.cli import _client
from supervisor.cli._times import clock
from supervisor.domain.actions import Severity
from supervisor.domain.activity import Activity
from supervisor.domain.escalation import IncidentState
from supervisor.domain.fleet import Modifier, ScheduleView
from supervisor.domain.health import HealthState
from supervisor.domain.silences import Silence
from tests.cli.conftest import PYTHON, Command, Place
from tests.support.control import JOURNAL_BROKEN, NOW, WATCHES, MemoryControl, agent
from tests.support.served import Served


def test_status_is_a_line_for_each_agent_and_incident(command: Command, served: Served) -> None:
    incident = served.control.open("watcher:heartbeat")
    said = command("status")
    assert said.code == 2
    assert said.err == ""
    headline, healthy, escalated, trouble = said.out.splitlines()
    assert headline == "CRITICAL: 2 agents: 1 healthy, 1 escalated; 1 incident"
    assert healthy == "✔ healthy    mailer   heartbeat in time; last heartbeat 1 min ago"
    assert escalated.startswith("✖ escalated  watcher  no heartbeat for 1 h 6 min; last heartbeat 1 h 6 min ago")
    assert trouble.startswith(f"incident {incident.id}  critical  watcher:heartbeat  watcher:heartbeat is wrong")
    assert served.control.asked == []


def test_status_as_json_is_the_picture(command: Command, served: Served) -> None:
    said = command("status", "--json")
    assert said.code == 2
    assert said.json["status"] == "critical"
    assert [one["name"] for one in said.json["agents"]] == ["mailer", "watcher"]


def test_status_of_some_agents_judges_only_those(command: Command, served: Served) -> None:
    said = command("status", "--agents", "mailer")
    assert (said.code, said.out.splitlines()[0], len(said.out.splitlines())) == (0, "OK: 1 agent: 1 healthy", 2)
    assert command("status", "--agents", "mailer,watcher").code == 2
    said = command("status", "--agents", "mailer,nobody")
    assert (said.code, said.err) == (64, "collections-supervisor: no agent is named 'nobody'\n")


def test_a_restart_that_is_under_way_is_said(command: Command, served: Served) -> None:
    agents = served.control.agents
    agents["mailer"] = replace(agents["mailer"], status=HealthState.RESTARTING, due=None)
    agents["watcher"] = replace(agents["watcher"], restarter="command", due=None)
    restarting, escalated = sorted(command("status").out.splitlines()[1:], key=lambda line: line.split()[2])
    assert "under way" not in restarting
    assert escalated.endswith("ago; restart under way")
    assert "A restart is under way." in command("why", "watcher").out


# --- check says what it did ----------------------------------------------------------------------------


def test_a_check_with_nothing_wrong_says_no_more(command: Command, served: Served) -> None:
    served.control.agents.pop("watcher")
    headline, healthy = command("check").out.splitlines()
    assert headline == "OK: 1 agent: 1 healthy"
    assert healthy.startswith("✔ healthy")


@pytest.mark.parametrize(
    ("incident", "told"),
    [
        ({"told": ("caine", "ann")}, "ann, caine"),
        ({"next_at": time.time()}, "nobody yet"),
        ({"silenced": True, "next_at": time.time()}, "nobody: a silence matches"),
        ({}, "nobody: no channel is configured"),
    ],
)
def test_a_check_says_whom_it_told(command: Command, served: Served, incident: dict[str, Any], told: str) -> None:
    served.control.open("mailer:heartbeat", opened_at=time.time() + 60, **incident)
    served.control.open("watcher:heartbeat", opened_at=time.time() - 60)
    out = command("check").out
    assert f"This check opened 1 incident and told {told}.\n" in out
    assert out.endswith("Next: collections-supervisor why watcher\n")
    assert "This check" not in command("status").out


def test_a_check_says_why_an_agent_that_never_beat_is_escalated(command: Command, served: Served) -> None:
    for name in ("new", "newer"):
        served.control.agents[name] = agent(name, HealthState.ESCALATED, last_heartbeat=None)
    out = command("check").out
    assert "No heartbeat ever came from new, newer: a check escalates that without waiting.\n" in out
    assert "Next: let it beat (collections-supervisor beat NAME), or take it out of the configuration.\n" in out
    assert "No daemon runs" not in out
    assert command("check", "--json").json["status"] == "critical"


def test_exit_codes_are_those_of_monitoring_plugins(command: Command, served: Served) -> None:
    served.control.agents.pop("watcher")
    assert command("check").code == 0
    served.control.open("mailer:slow", Severity.WARNING)
    assert command("check").code == 1
    served.control.kept.clear()
    served.control.agents.clear()
    assert command("check").code == 3


def test_status_without_a_daemon_is_unknown_and_keeps_its_shape(
    command: Command, control: MemoryControl, place: Place
) -> None:
    said = command("status")
    assert (said.code, said.out) == (3, "")
    assert "no daemon is running" in said.err
    said = command("status", "--json")
    assert said.code == 3
    with Served(control, place.socket).running():
        assert said.json.keys() == command("status", "--json").json.keys()
    assert said.json["status"] == "unknown"


def test_check_refuses_an_agent_that_the_daemon_does_not_know(command: Command, served: Served) -> None:
    said = command("check", "--agents", "nobody", "--json")
    assert said.code == 64
    assert said.json["error"] == "no agent is named 'nobody'"


def test_the_socket_is_found_by_the_configuration(command: Command, control: MemoryControl, place: Place) -> None:
    other = place.socket.parent.parent / "other.sock"
    path = place.home / "mine.toml"
    path.write_text(f'[paths]\nsocket = "{other}"\n')
    with Served(control, other, {**WATCHES, "config": str(path)}).running():
        assert command("status").code == 3
        assert command("status", "--config", str(path)).code == 2
        place.config(path.read_text())
        assert command("status").code == 2


def test_a_daemon_that_does_not_answer_is_said(command: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(place.socket))
        deaf.listen()
        monkeypatch.setattr(_client.Daemon.__init__, "__defaults__", (0.2,))
        said = command("status")
    assert said.code == 3
    assert "does not answer within 0.2 s" in said.err


def test_another_users_daemon_is_said(served: Served, place: Place) -> None:
    place.socket.chmod(0)
    # Root may open every socket, so the right to do so is given up; the checkout stays readable, wherever it is.
    give_up = () if os.getuid() else ("setpriv", "--bounding-set", "-dac_override")
    command = (*give_up, sys.executable, "-m", "supervisor", "status")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "belongs to another user" in done.stderr


def test_an_unreadable_journal_is_said(command: Command, served: Served) -> None:
    served.control.broken = JOURNAL_BROKEN
    said = command("incidents")
    assert (said.code, said.out) == (70, "")
    assert "malformed" in said.err


# --- why ---------------------------------------------------------------------------------------------


def test_why_tells_the_story(command: Command, served: Served, control: MemoryControl) -> None:
    incident = served.control.open("watcher:heartbeat", told=("caine",), acked_by="ann", acked_until=time.time() + 60)
    served.control.open("mailer:heartbeat")
    record = control.record
    record("heartbeat_missed", "watcher", level="warning", consecutive_misses=1, due=time.time(), reason="silent")
    record("restart_started", "watcher", attempt=1, kind="command", reason="1 miss")
    failed = {"attempt": 1, "ok": False, "seconds": 2.0, "exit_code": 3, "stderr": ["Traceback", "ValueError: no"]}
    record("restart_finished", "watcher", **failed)
    record("health_changed", "watcher", old="restarting", new="escalated", reason="no heartbeat for 1 h 6 min")
    record("health_changed", "mailer", old="unknown", new="healthy", reason="heartbeat in time")
    said = command("why", "watcher")
    assert said.code == 0
    told = said.out
    for part in (
        "watcher is escalated since",
        "Why: no heartbeat for 1 h 6 min.",
        "(1 h 6 min ago); it promises one every 1 h.",
        "Miss 3 falls at",
        "So far: 2 misses in a row, 1 restart, 0 errors.",
        "Nothing is configured to restart it.",
        f"Incident {incident.id}, critical (triggered), opened",
        "Told: caine.",
        f"Say that you look after it: collections-supervisor ack {incident.id}",
        "): restarting → escalated: no heartbeat for 1 h 6 min.",
        "): exit code 3; it said 'ValueError: no'.",
        "Acknowledged by ann until",
        "missed 1 heartbeat, due at",
        "restart started (command): 1 miss",
        "restart failed after 2 s: exit code 3",
        "    | ValueError: no",
    ):
        assert part in told, part
    assert told.index("missed 1 heartbeat") < told.index("restart started") < told.index("restart failed")
    assert "mailer" not in told


def test_why_of_an_agent_that_is_held_and_has_never_beaten(command: Command, served: Served) -> None:
    now = time.time()
    served.control.agents["new"] = agent(
        "new", last_heartbeat=None, due=None, held_until=now + 60, restart_at=now + 90, beat=None, since=now
    )
    told = command("why", "new").out
    for part in (
        "It has never sent a heartbeat; it promises one every 1 h.",
        "No heartbeat is awaited.",
        "Restarts are held until",
        "The next restart is tried at",
    ):
        assert part in told, part


STALL = {"progress": {"seq": 17, "pending": 3, "flat_since": "2026-05-28T20:00:00Z"}}
LOOP = {"loop": {"heartbeats": 10, "works_by_turns": 1, "last_note": "retry INV-7"}}


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        (STALL, r"progress.seq stays at 17 since 2026-05-28 \S+ \(.* ago\), 3 pending"),
        (LOOP, "the same work in 10 heartbeats, the last 'retry INV-7'"),
        ({"loop": {"heartbeats": 9, "works_by_turns": 3, "last_note": None}}, "3 works by turns in 9 heartbeats"),
        ({"last_hour": {"cost": "2.50", "tokens": 9000.0}}, r"in the last hour a cost of 2\.50 and 9000 tokens"),
        ({"flapping": {"percent": 61, "changes": 11}}, "11 changes of state, 61 % by weight"),
        ({"agent_said": {"kind": "ok", "message": "x\n"}}, r"the agent said kind 'ok', message 'x\\n'"),
        (
            {"postcondition": [{"path": "/o", "newer_than_seconds": 60.0, "last_written": None}]},
            "'/o' is not there, 1 min allowed",
        ),
        (
            {"postcondition": [{"path": "/o", "newer_than_seconds": 9.0, "last_written": "2026-05-28T20:00:00Z"}]},
            "'/o' was last written at 2026-05-28 .* ago",
        ),
        (
            {
                "activity": {
                    "path": "/l",
                    "last_written": "2026-05-28T20:00:00Z",
                    "restart_deferred_since": "2026-05-28T19:00:00Z",
                }
            },
            "'/l' was last written at 2026-05-28 .*, restart put off since 2026-05-28 .* ago",
        ),
    ],
)
def test_why_tells_on_what_a_decision_rested(
    command: Command, served: Served, evidence: dict[str, Any], told: str
) -> None:
    served.control.open("mailer:loop", evidence=evidence)
    assert re.search(f"  evidence: {told}", command("why", "mailer").out)


def test_why_says_what_puts_off_a_restart_and_promises_none_that_is_refused(command: Command, served: Served) -> None:
    agents, now = served.control.agents, time.time()
    work = Activity("/w/a.log", now - 5, now - 60)
    agents["mailer"] = replace(agents["mailer"], activity=work, restart_at=now + 90)
    told = command("why", "mailer").out
    assert re.search(r"A restart is put off: '/w/a.log' was last written at \S+ \(.* s ago\)", told)
    assert "The next restart is tried at" in told
    refused: list[dict[str, Any]] = [
        {"modifiers": (Modifier.EXHAUSTED,)},
        {"modifiers": (Modifier.FLAPPING,)},
        {"modifiers": (Modifier.HELD,), "held_until": now + 600},
    ]
    for more in refused:
        agents["watcher"] = replace(agents["mailer"], name="watcher", **more)
        assert "The next restart is tried at" not in command("why", "watcher").out, more


def test_a_schedule_is_told(command: Command, served: Served) -> None:
    agents = served.control.agents
    at = ScheduleView("*/30 * * * *", "America/Bogota", 900.0, time.time() + 300.5)
    agents["mailer"] = replace(agents["mailer"], schedule=at, heartbeat_timeout=None)
    told = f"next run expected at {clock(at.next_run)} (in 5 min, grace 15 min)"
    assert f"heartbeat in time; last heartbeat 1 min ago; {told}\n" in command("status").out
    assert f"; it runs at */30 * * * * (America/Bogota), {told}.\n" in command("why", "mailer").out
    assert command("status", "--json").json["agents"][0]["schedule"]["grace"] == 900.0


def test_why_folds_a_long_silence(command: Command, served: Served, control: MemoryControl) -> None:
    at = time.time()
    control.record("health_changed", "watcher", old="healthy", new="escalated", reason="silent")
    for n in range(1, 101):
        control.record("heartbeat_missed", "watcher", consecutive_misses=n, due=at, reason="silent")
        control.record("restart_refused", "watcher", reason="no_restarter")
    control.record("agent_held", "watcher", by="ann", until=at + 60)
    happened = command("why", "watcher", "--limit", "30").out.partition("What happened:\n")[2].splitlines()
    said = [line.split(None, 1)[1] for line in happened]
    assert [line.partition(", due")[0] for line in said] == [
        "healthy → escalated: silent",
        "missed 1 heartbeat",
        "restart not started: no restarter",
        "missed 100 heartbeats",
        "restart not started: no restarter (98 more of these before it)",
        said[-1],
    ]
    assert said[3].endswith("(98 more of these before it)")
    assert said[-1].startswith("restarts held by ann until")
    assert len(command("why", "watcher", "--limit", "30", "--json").json["events"]) == 30


def test_why_says_what_keeps_the_supervisor_quiet(command: Command, served: Served, control: MemoryControl) -> None:
    changes = {"modifiers": (Modifier.SILENCED, Modifier.UNOBSERVED, Modifier.EXHAUSTED)}
    control.agents["watcher"] = replace(control.agents["watcher"], **changes)
    control.doubts = ("loop_stalled", "clock_stepped")
    ends = time.time() + 600
    control.quiet = {
        "s1": Silence("s1", "wat*", "ann", "a new disk", 0.0, ends),
        "s2": Silence("s2", "mailer", "bob", "another", 0.0, ends),
    }
    told = command("why", "watcher").out
    assert "It is not observed just now (loop stalled and clock stepped): no silence counts" in told
    assert "Its restarts are used up for now." in told
    assert "(in 10 min): ann has silenced wat* (a new disk)." in told
    assert "bob" not in told


def test_why_tells_of_a_restart_that_was_done(command: Command, served: Served, control: MemoryControl) -> None:
    control.record("restart_finished", "watcher", attempt=2, ok=True, seconds=1.0)
    assert "only a fresh heartbeat proves it." in command("why", "watcher").out
    control.record("restart_finished", "watcher", attempt=3, ok=False, seconds=1.0, exit_code=7)
    assert "Restart 3 failed at" in command("why", "watcher").out
    assert "): exit code 7." in command("why", "watcher").out


def test_why_tells_of_no_restart_of_an_earlier_silence(
    command: Command, served: Served, control: MemoryControl
) -> None:
    control.record("restart_finished", "watcher", attempt=2, ok=True, seconds=1.0)
    control.record("health_changed", "watcher", old="restarting", new="healthy", reason="heartbeat in time")
    told = command("why", "watcher").out
    assert "Restart 2" not in told
    assert "restart done after 1 s" in told
    control.record("restart_finished", "watcher", attempt=3, ok=True, seconds=1.0)
    assert "Restart 3 was done" in command("why", "watcher").out
    control.agents["watcher"] = replace(control.agents["watcher"], last_heartbeat=time.time() + 1)
    assert "; a heartbeat followed." in command("why", "watcher").out


def test_why_says_that_a_miss_is_not_decided(command: Command, served: Served) -> None:
    served.control.agents["mailer"] = replace(served.control.agents["mailer"], due=time.time() - 9)
    assert "it is not decided yet." in command("why", "mailer").out


def test_why_as_json(command: Command, served: Served) -> None:
    served.call(served.control.record, "agent_log", "mailer", message="hello")
    document = command("why", "mailer", "--json").json
    assert document["agent"]["name"] == "mailer"
    assert document["incidents"] == []
    assert [event["message"] for event in document["events"]] == ["hello"]


def test_why_nobody(command: Command, served: Served) -> None:
    said = command("why", "a/b c")
    assert said.code == 64
    assert "'a/b c'" in said.err


# --- incidents, events -------------------------------------------------------------------------------


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


# --- dashboard ---------------------------------------------------------------------------------------


def test_the_dashboard_goes_to_standard_output(served: Served) -> None:
    done = subprocess.run([*PYTHON, "--dashboard"], capture_output=True, check=True)
    assert done.stdout == served.control.page


def test_the_dashboard_goes_to_a_file_whole(command: Command, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    said = command("--dashboard", "--output", str(path))
    assert (said.code, said.out) == (0, f"{path} written\n")
    assert path.read_bytes() == served.control.page
    assert [entry.name for entry in tmp_path.iterdir() if "page" in entry.name] == ["page.html"]
    document = command("dashboard", "--output", str(path), "--json").json
    assert document == {"file": str(path), "bytes": len(served.control.page), "html": None}
    assert command("dashboard", "--json").json["html"] == served.control.page.decode()
    said = command("dashboard", "--json", "--agents", "mailer")
    assert (
        said.err == "collections-supervisor: --agents is passed over: the page of a running daemon shows every agent\n"
    )


def test_a_dashboard_that_can_not_be_written_is_said(command: Command, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "none" / "page.html"
    said = command("dashboard", "--output", str(path))
    assert said.code == 73
    assert f"{path.name} can not be written: No such file or directory" in said.err


def test_a_dashboard_to_a_pipe_does_not_replace_the_pipe(served: Served, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([*PYTHON, "dashboard", "--output", str(pipe)], stdout=subprocess.DEVNULL) as process:
        assert pipe.read_bytes() == served.control.page
        assert process.wait(20) == 0
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_is_not_observed_or_not_configured_is_said(command: Command, served: Served) -> None:
    served.control.doubts = ("just_started",)
    served.control.unregistered = ("stranger",)
    said = command("status")
    assert "not observed: just started" in said.out
    assert "not configured, but beating: stranger" in said.out
    assert "dashboard" not in said.out


def test_the_daemon_says_that_it_can_not_write_its_dashboard(command: Command, served: Served) -> None:
    served.control.page_error = "No space left on device"
    assert "the dashboard can not be written: No space left on device" in command("status").out
