"""`why` tells the story of an agent."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest

from supervisor.cli._times import clock
from supervisor.domain.activity import Activity
from supervisor.domain.fleet import Modifier, ScheduleView
from supervisor.domain.silences import Silence
from tests.cli.conftest import Command
from tests.support.control import MemoryControl, agent
from tests.support.served import Served


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
