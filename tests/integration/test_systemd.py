"""The service on the real systemd, installed as the README says: what its units promise."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.installed import (
    COMMAND,
    CONFIGURATION,
    SERVICE,
    TOLD,
    Installed,
    override,
    start,
    until,
)
from tests.support.recipes import recipes

pytestmark = pytest.mark.xdist_group("systemd")

PORT = ":2328"
"""9000, as /proc/net/tcp has it."""

HOOK = """
[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:9000/"
timeout = "60s"
"""

AT_ONCE = """
[[escalation.chain]]
channel = "hook"
"""

RESTARTED = """
[agents.mailer.restart]
kind = "systemd"
"""

METRICS = """
[metrics]
textfile = "/var/cache/novotechno-collections/supervisor.prom"
"""

# An agent that writes its heartbeat, as its user, into the folder that it shares with the supervisor.
AGENT = """
[Service]
ExecStart=
ExecStart=/bin/sh -c 'touch $XDG_CACHE_HOME/novotechno-collections/heartbeats/%i; exec sleep 1000'
"""

EARS = """
import http.server
class Ear(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with open("/run/heard", "w") as heard:
            heard.write(self.headers.get("Authorization", ""))
        self.send_response(204)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 9000), Ear).serve_forever()
"""
DEAF = "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 9000)); s.listen(); time.sleep(1000)"


def listener(machine: Installed, program: str) -> None:
    machine.run("systemd-run", "--unit=ear", "--collect", "/opt/python/bin/python3", "-c", program)
    until(lambda: f"{PORT} " in _sockets(machine))


# --- its life ----------------------------------------------------------------------------------------------


def test_it_is_active_once_every_agent_is_watched_and_says_how_it_stands(machine: Installed) -> None:
    machine.beat("mailer")
    start(machine)
    assert machine.shown("ActiveState", "SubState", "Result") == ["active", "running", "success"]
    assert machine.one("StatusText") == "1 agent: 1 healthy; no incident"
    machine.beat("mailer", kind="fail")
    until(lambda: machine.one("StatusText") == "1 agent: 1 escalated; 1 incident")
    told = until(lambda: machine.lines(TOLD))
    assert (told[0]["type"], told[0]["agent"]) == ("AGENT_ESCALATION", "mailer")
    assert (machine.root / "var/cache/novotechno-collections/dashboard.html").exists()


def test_killed_it_comes_back_and_has_lost_nothing(machine: Installed) -> None:
    machine.beat("mailer")
    pid = start(machine)
    machine.beat("mailer", kind="fail")
    until(lambda: machine.lines(TOLD))
    (incident,) = machine.command("incidents")["incidents"]
    machine.command("ack", incident["id"])
    machine.run("kill", "-KILL", str(pid))
    until(lambda: machine.shown("ActiveState", "NRestarts") == ["active", "1"])
    assert machine.one("MainPID") != str(pid)
    (after,) = machine.command("incidents")["incidents"]
    assert (after["id"], after["state"]) == (incident["id"], "acknowledged")
    assert machine.agent("mailer")["status"] == "escalated"
    assert len(machine.lines(TOLD)) == 1


def test_one_that_hangs_is_ended_by_the_watchdog_and_leaves_its_stacks(machine: Installed) -> None:
    override(machine, "[Service]\nWatchdogSec=4\n")
    pid = start(machine)
    machine.run("kill", "-STOP", str(pid))  # systemd sends SIGABRT and SIGCONT
    until(lambda: machine.shown("ActiveState", "NRestarts") == ["active", "1"])
    said = [entry["MESSAGE"] for entry in machine.journal("--unit", SERVICE, f"_PID={pid}")]
    assert "Fatal Python error: Aborted" in said
    assert any("asyncio/base_events.py" in line and "run_forever" in line for line in said)


def test_a_reload_is_done_when_it_returns_and_a_wrong_one_fails_and_changes_nothing(machine: Installed) -> None:
    pid = start(machine)
    machine.configure(CONFIGURATION + "[agents.watcher]\n")
    machine.run("systemctl", "reload", SERVICE)
    names = {"mailer", "watcher"}
    assert {agent["name"] for agent in machine.command("status")["agents"]} == names
    machine.configure(CONFIGURATION + "[agents.watcher]\nnonsense = 1\n")
    machine.fails("systemctl", "reload", SERVICE)
    assert machine.shown("ActiveState", "SubState", "MainPID") == ["active", "running", str(pid)]
    assert {agent["name"] for agent in machine.command("status")["agents"]} == names
    until(lambda: machine.one("StatusText").endswith("; the configuration on disk is refused"))
    assert any("nonsense" in entry["MESSAGE"] for entry in machine.journal("--unit", SERVICE))


def test_it_stops_at_once_with_work_in_flight(machine: Installed) -> None:
    listener(machine, DEAF)
    override(machine, "[Service]\nExecStart=\nExecStart=/bin/sleep 1000\nType=notify\n", "agent@mailer.service")
    machine.configure(CONFIGURATION + HOOK + AT_ONCE + RESTARTED)
    machine.beat("mailer")
    pid = start(machine)
    machine.beat("mailer", kind="fail")
    until(lambda: _talks(machine))
    machine.run(COMMAND, "restart", "mailer")
    until(lambda: machine.one("ActiveState", "agent@mailer.service") == "activating")
    begun = time.monotonic()
    machine.run("systemctl", "stop", SERVICE)
    assert time.monotonic() - begun < 5
    assert machine.shown("ActiveState", "Result", "ExecMainStatus") == ["inactive", "success", "0"]
    assert not (machine.root / f"proc/{pid}").exists()


def _talks(machine: Installed) -> bool:
    """Whether somebody is connected to the listener: 01 is ESTABLISHED."""
    return any(
        line.split()[2].endswith(PORT) and line.split()[3] == "01" for line in _sockets(machine).splitlines()[1:]
    )


def _sockets(machine: Installed) -> str:
    return Path(f"/proc/{machine.machine.pid}/net/tcp").read_text()


# --- what it may do ----------------------------------------------------------------------------------------


def test_it_restarts_agents_and_may_do_nothing_else(machine: Installed) -> None:
    override(machine, AGENT, "agent@mailer.service")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "agent@mailer.service")
    machine.configure(CONFIGURATION + RESTARTED)
    start(machine)
    assert until(lambda: machine.agent("mailer")["status"] == "healthy")  # it reads what the agent's user wrote
    before = machine.one("MainPID", "agent@mailer.service")
    machine.run(COMMAND, "restart", "mailer")
    until(lambda: machine.one("MainPID", "agent@mailer.service") not in {before, "0"})
    until(lambda: machine.agent("mailer")["restarts"] == 1)

    control = ("setpriv", "--reuid=collections", "--regid=collections", "--init-groups", "systemctl", "-q")
    refused = [
        ("restart", "dbus.service"),
        ("stop", SERVICE),
        ("start", "agent@.service"),
        ("start", "reboot.target"),
        ("kill", "agent@mailer.service"),
        ("reload-or-restart", "agent@mailer.service"),
        ("set-property", "--runtime", "agent@mailer.service", "CPUWeight=10"),
        ("enable", "agent@mailer.service"),
        ("daemon-reload",),
    ]
    for verb, *rest in refused:
        machine.fails(*control, "--no-ask-password", verb, *rest)
    for verb in ("stop", "start", "restart"):
        machine.run(*control, "--no-ask-password", verb, "agent@mailer.service")


def test_credentials_reach_the_channels(machine: Installed) -> None:
    listener(machine, EARS)
    secret = machine.root / "etc/credstore/on-call"
    secret.parent.mkdir(mode=0o700, exist_ok=True)
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    override(machine, "[Service]\nLoadCredential=on-call:/etc/credstore/on-call\n")
    machine.configure(CONFIGURATION + HOOK + 'token_credential = "on-call"\n')
    start(machine)
    machine.run(COMMAND, "test-notify", "hook")
    assert (machine.root / "run/heard").read_text() == "Bearer s3cret"


def test_what_it_writes_for_others_they_can_use(machine: Installed) -> None:
    folder = "/var/cache/novotechno-collections"
    machine.configure(CONFIGURATION + METRICS)
    start(machine)
    socket = "/run/collections-supervisor/control.sock"
    beat = json.dumps({"timestamp": datetime.now(UTC).isoformat()})
    address = "http://localhost/api/v1/agents/mailer/heartbeat"
    machine.run("curl", "-sf", "--unix-socket", socket, "--json", beat, address)
    agent = ("setpriv", "--reuid=collections-agents", "--regid=collections-agents", "--init-groups", "sh", "-c")
    machine.run(*agent, f"printf '%s\\n' '{beat}' >>{folder}/heartbeats/mailer.log")
    pages = [f"{folder}/dashboard.html", f"{folder}/supervisor.prom"]
    until(lambda: machine.run("stat", "--format=%a", *pages, check=False).split() == ["644", "644"])
    assert machine.run("stat", "--format=%a", "/var/lib/collections-supervisor/journal.db") == "600\n"


# --- what people and programs learn ------------------------------------------------------------------------


def test_when_it_can_not_start_people_are_told_without_it(machine: Installed) -> None:
    machine.configure(CONFIGURATION + "[agents.other]\nnonsense = 1\n")
    machine.run("systemctl", "daemon-reload")
    machine.fails("systemctl", "restart", SERVICE)
    assert machine.shown("ActiveState", "Result", "ExecMainStatus") == ["failed", "exit-code", "64"]
    (told,) = until(lambda: machine.lines(TOLD))
    assert told["summary"] == f"{SERVICE} has failed: exit-code, exit status 64"
    assert told["key"] == "supervisor:unit_failed"
    assert any("nonsense" in line for line in told["evidence"]["journal"])
    alert = f"collections-alert@{SERVICE}"
    until(lambda: machine.shown("ActiveState", "Result", unit=alert) == ["inactive", "success"])


def test_when_each_start_hangs_people_are_told_in_the_end(machine: Installed) -> None:
    override(machine, "[Service]\nExecStart=\nExecStart=/bin/sleep 1000\nTimeoutStartSec=1\nRestartSec=1\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "--no-block", SERVICE)
    (told,) = until(lambda: machine.lines(TOLD))
    assert told["summary"] == f"{SERVICE} has failed: timeout, ended by SIGTERM"
    assert machine.shown("ActiveState", "NRestarts") == ["failed", "5"]


def test_the_journal_has_the_priority_of_each_line(machine: Installed) -> None:
    machine.beat("mailer")
    start(machine)
    machine.beat("mailer", kind="fail")
    until(lambda: machine.lines(TOLD))
    lines = [e for e in machine.journal("--unit", SERVICE) if e["MESSAGE"].startswith("{")]
    found = {(json.loads(line["MESSAGE"])["level"], line["PRIORITY"]) for line in lines}
    assert (
        {("info", "6"), ("warning", "4")} <= found <= {("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3")}
    )


# --- in place, and away again ------------------------------------------------------------------------------


def test_the_recipes_for_the_journal_say_what_is_in_it(machine: Installed) -> None:
    start(machine)
    machine.beat("mailer", kind="fail")
    (incident,) = until(lambda: machine.command("status")["incidents"])
    until(lambda: machine.lines(TOLD))
    warnings, story = recipes("journalctl ")
    told = [json.loads(line) for line in machine.run("sh", "-c", warnings).splitlines()]
    assert ["incident_opened", "mailer"] in [found[1:] for found in told]
    assert {found[1] for found in told}.isdisjoint({"supervisor_started", "notification_sent"})
    mine = story.replace("3f9a01bc", incident["id"])
    assert mine != story
    records = [json.loads(line) for line in machine.run("sh", "-c", mine).splitlines()]
    assert {"incident_opened", "notification_sent"} <= {record["event"] for record in records}
    assert {record["incident"] for record in records} == {incident["id"]}
