"""What `install-unit` puts in place on the real systemd, what the service then sees, and how it goes away again."""

from __future__ import annotations

import json

import pytest

from tests.support.installed import (
    COMMAND,
    CONFIG,
    CONFIGURATION,
    SERVICE,
    TOLD,
    UNITS,
    Installed,
    override,
    start,
    until,
)

pytestmark = pytest.mark.xdist_group("systemd")

HOOK = """
[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:9000/"
token_file = "/home/agent/token"
"""


# --- what it sees ------------------------------------------------------------------------------------------


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
    machine.configure(f'[paths]\ncache = "/srv/novo"\n{CONFIGURATION}{HOOK}')
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


# --- in place, and away again ------------------------------------------------------------------------------


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
    override(machine, "[Service]\nExecStart=\nExecStart=/bin/sleep 1000\n", "agent@mailer.service")
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
