"""`status` and `check`, and the daemon that is asked."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from supervisor.cli import _client
from supervisor.domain.actions import Severity
from supervisor.domain.health import HealthState
from tests.cli.conftest import Command, Place
from tests.support.control import JOURNAL_BROKEN, WATCHES, MemoryControl, agent
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
