"""The service on the real systemd, installed as the README says: what its units promise."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installed import COMMAND, CONFIG, SERVICE, Installed, installed, until
from tests.support.recipes import recipes

pytestmark = pytest.mark.xdist_group("systemd")

TOLD = "var/lib/collections-supervisor/told.jsonl"
UNITS = "etc/systemd/system"
PORT = ":2328"
"""9000, as /proc/net/tcp has it."""

CONFIGURATION = f"""
[defaults]
restart_after = 9
escalate_after = 1

[agents.mailer]
heartbeat_timeout = "1h"

[channels.people]
kind = "file"
path = "/{TOLD}"
"""

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


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    with installed(tmp_path_factory.mktemp("machine")) as found:
        yield found


@pytest.fixture
def machine(place: Installed) -> Iterator[Installed]:
    """The machine with the units in place, a configuration, and nothing running or remembered."""
    place.configure(CONFIGURATION)
    place.command("install-unit")
    yield place
    place.run("systemctl", "stop", SERVICE, "collections-alert@*", "agent@*", "ear", check=False)  # some are not there
    place.run("systemctl", "reset-failed")
    for name in (SERVICE, "agent@mailer.service", "collections-alert@.service"):
        place.run("rm", "-rf", f"/{UNITS}/{name}.d")
    place.run("sh", "-c", "rm -rf /var/lib/collections-supervisor/* /var/cache/novotechno-collections/*/* /run/heard")
    place.run("sh", "-c", "rm -rf /home/agent /root/.[a-z]* /root/*")


def start(machine: Installed) -> int:
    """Start the service and return its process."""
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    return int(machine.one("MainPID"))


def override(machine: Installed, text: str, unit: str = SERVICE) -> None:
    folder = machine.root / UNITS / f"{unit}.d"
    folder.mkdir(exist_ok=True)
    (folder / "99-test.conf").write_text(text)


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


def test_it_sees_into_a_home_whatever_happens_to_the_folder_there(machine: Installed) -> None:
    cache = "home/agent/.cache/novotechno-collections"
    (machine.root / cache).parent.mkdir(parents=True, exist_ok=True)
    private = machine.root / "home/agent/private"
    private.mkdir(exist_ok=True)
    page = "/var/lib/collections-supervisor/page.html"
    machine.configure(f'[paths]\ncache = "/{cache}"\ndashboard = "{page}"\n{CONFIGURATION}')
    machine.command("install-unit")
    pid = start(machine)
    assert not (machine.root / f"proc/{pid}/root/home/agent/private").exists()
    machine.beat("mailer", cache)
    until(lambda: machine.agent("mailer")["status"] == "healthy")
    machine.run("rm", "-r", f"/{cache}")
    machine.beat("mailer", cache, kind="fail")
    until(lambda: machine.agent("mailer")["status"] == "escalated")


def test_a_link_into_a_home_is_followed_and_what_stays_hidden_is_named(machine: Installed) -> None:
    cache = "home/agent/data/novo"
    machine.beat("mailer", cache)
    machine.run("ln", "-sfn", f"/{cache}", "/srv/novo")
    machine.configure(f'[paths]\ncache = "/srv/novo"\n{CONFIGURATION}{HOOK}token_file = "/home/agent/token"\n')
    notes = machine.command("install-unit")["notes"]
    assert any(note.startswith("/home/agent/token is hidden from the service") for note in notes)
    start(machine)
    until(lambda: machine.agent("mailer")["status"] == "healthy")
    machine.run("rm", "/srv/novo")


@pytest.mark.parametrize("cache", ["var/cache/novotechno-collections", "home/agent/data/novo"])
def test_a_folder_that_is_made_again_is_written_to_as_before(machine: Installed, cache: str) -> None:
    machine.beat("mailer", cache)
    machine.run("chown", "-R", "collections:collections", f"/{cache}")
    machine.configure(f'[paths]\ncache = "/{cache}"\n[dashboard]\nmin_interval = "1s"\n{CONFIGURATION}')
    machine.command("install-unit")
    start(machine)
    machine.run("rm", "-r", f"/{cache}")
    machine.beat("mailer", cache, kind="fail")
    machine.run("chown", "-R", "collections:collections", f"/{cache}")
    until(lambda: machine.agent("mailer")["status"] == "escalated")
    until((machine.root / cache / "dashboard.html").exists)
    machine.run("systemd-tmpfiles", "--create")  # as the others find it


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


def test_installed_twice_nothing_changes_and_what_a_person_changed_stays(machine: Installed) -> None:
    report = machine.command("install-unit")
    assert {file["action"] for file in report["files"]} == {"unchanged"}
    assert report["notes"] == []
    stranger = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    again = json.loads(machine.run(*stranger, COMMAND, "install-unit", "--dry-run", "--json"))
    assert {file["action"] for file in again["files"]} == {"unchanged", "unknown"}  # polkit's folder is shut
    assert again["notes"] == []
    unit = machine.root / UNITS / "agent@.service"
    as_it_was = unit.read_text()
    unit.write_text(as_it_was.replace("RestartSec=10", "RestartSec=1"))
    for command in ("install-unit", "uninstall-unit"):
        kept = [file["path"] for file in machine.command(command)["files"] if file["action"] == "kept"]
        assert kept == ["/etc/systemd/system/agent@.service"]
    assert "RestartSec=1\n" in unit.read_text()
    unit.unlink()


def test_the_units_are_sound(machine: Installed) -> None:
    names = (SERVICE, f"collections-alert@{SERVICE}", "agent@mailer.service")
    verified = machine.run("sh", "-c", f"systemd-analyze verify {' '.join(names)} 2>&1 | grep -v libexec", check=False)
    assert verified == ""
    for unit in (SERVICE, "collections-alert@.service"):
        machine.run("systemd-analyze", "security", "--offline=true", "--threshold=20", f"/{UNITS}/{unit}")


def test_away_again_nothing_is_left(machine: Installed) -> None:
    machine.run("systemctl", "enable", SERVICE)
    start(machine)
    override(machine, AGENT, "agent@mailer.service")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "agent@mailer.service")
    report = machine.command("uninstall-unit")
    assert any("agent@mailer.service must be stopped" in note for note in report["notes"])
    assert machine.one("ActiveState", "agent@mailer.service") == "active"
    machine.run("systemctl", "stop", "agent@mailer.service")
    machine.command("uninstall-unit")
    ours = "-name '*collections*' -o -name 'agent@*'"
    test = f"-not -path '/{UNITS}/agent@mailer.service.d*'"
    left = machine.run("sh", "-c", rf"find /etc /run/systemd \( {ours} \) {test}")
    assert left.split() == [f"/{CONFIG.rpartition('/')[0]}"]
    assert machine.shown("LoadState", "ActiveState") == ["not-found", "inactive"]
    assert machine.command("uninstall-unit")["notes"] == ["nothing of ours is in place"]


def test_a_command_that_its_user_can_not_reach_is_refused(machine: Installed) -> None:
    machine.run("sh", "-c", "cp -a /opt/collections-supervisor /root/")
    said = machine.fails("/root/collections-supervisor/bin/python", "-m", "supervisor", "install-unit")
    assert "user collections can not run /root/collections-supervisor/bin/collections-supervisor" in said
    machine.run("rm", "-r", "/root/collections-supervisor")


def test_a_users_own(machine: Installed) -> None:
    machine.run("systemctl", "start", "user@0.service")
    home = ("env", "XDG_RUNTIME_DIR=/run/user/0", "HOME=/root")
    control = (*home, "systemctl", "--user")
    config = machine.root / "root/.config/collections-supervisor/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(CONFIGURATION.replace(f"/{TOLD}", "~/told.jsonl"))
    report = json.loads(machine.run(*home, COMMAND, "install-unit", "--user", "--json"))
    assert {file["action"] for file in report["files"]} == {"written"}
    assert report["commands"] == [["systemctl", "--user", "daemon-reload"]]
    machine.run(*control, "enable", "--now", SERVICE)
    state = "--property=ActiveState,StatusText"
    until(lambda: "StatusText=1 agent: 1 unknown; no incident" in machine.run(*control, "show", state, SERVICE))
    machine.run(*control, "reload", SERVICE)
    config.write_text(CONFIGURATION.replace(f"/{TOLD}", "~/told.jsonl") + "[agents.x]\nnonsense = 1\n")
    machine.run(*control, "restart", SERVICE, check=False)
    (told,) = until(lambda: machine.lines("root/told.jsonl"))
    assert told["summary"] == f"{SERVICE} has failed: exit-code, exit status 64"
    config.write_text(CONFIGURATION.replace(f"/{TOLD}", "~/told.jsonl"))
    machine.run(*control, "start", SERVICE)
    machine.run("env", "-u", "XDG_RUNTIME_DIR", "HOME=/root", COMMAND, "uninstall-unit", "--user")  # as after su
    assert machine.run("sh", "-c", "find /root/.config/systemd -type f -o -type l") == ""
    assert "ActiveState=inactive" in machine.run(*control, "show", state, SERVICE)
    machine.run("systemctl", "stop", "user@0.service")
