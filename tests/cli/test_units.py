"""`install-unit`, `uninstall-unit` and `alert`, without a systemd; with one: tests/integration/test_systemd*.py."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from supervisor.cli import _sandbox, _units, install_unit
from tests.cli.conftest import Command, Place, actions, told

pytestmark = pytest.mark.usefixtures("machine")

# --- in place --------------------------------------------------------------------------------------------


def test_everything_is_put_in_place_and_systemd_reads_it(command: Command, machine: Path) -> None:
    said = command("install-unit")
    assert said.code == 0
    etc = machine / "etc"
    found = {str(path.relative_to(etc)) for path in etc.rglob("*") if path.is_file()}
    assert found == {
        "systemd/system/collections-supervisor.service",
        "systemd/system/collections-alert@.service",
        "systemd/system/agent@.service",
        "sysusers.d/collections-supervisor.conf",
        "tmpfiles.d/collections-supervisor.conf",
        "polkit-1/rules.d/50-collections-supervisor.rules",
    }
    unit = (etc / "systemd/system/collections-supervisor.service").read_text()
    assert f"ExecStart={install_unit._command()} run\n" in unit
    assert _units.COMMAND not in unit
    assert told(machine) == [
        f"{etc}/sysusers.d/collections-supervisor.conf",
        f"--create {etc}/tmpfiles.d/collections-supervisor.conf",
        "daemon-reload",
    ]
    assert said.out.endswith("next: systemctl enable --now collections-supervisor\n")


def test_a_dry_run_says_it_and_does_nothing(command: Command, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = command("install-unit", "--dry-run")
    assert said.out.startswith("this is what would be done:\nwritten  ")
    assert not (machine / "etc").exists()
    assert told(machine) == []
    assert command("install-unit").code == 1


def test_twice_is_once(command: Command, machine: Path) -> None:
    assert set(actions(command, "install-unit").values()) == {"written"}
    before = told(machine)
    assert set(actions(command, "install-unit").values()) == {"unchanged"}
    assert told(machine) == before * 2


def test_what_failed_once_is_made_good_by_the_next_run(
    command: Command, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS", "systemd-sysusers")
    said = command("install-unit")
    users = str(machine / "etc/sysusers.d/collections-supervisor.conf")
    assert (said.code, said.err) == (1, f"collections-supervisor: systemd-sysusers {users}: no users\n")
    monkeypatch.delenv("FAILS")
    assert command("install-unit").code == 0
    assert told(machine)[1:] == [
        users,
        f"--create {machine}/etc/tmpfiles.d/collections-supervisor.conf",
        "daemon-reload",
    ]

    monkeypatch.setenv("BROKEN", "1")
    said = command("uninstall-unit")
    assert (said.code, "removed" in said.out) == (1, True)
    monkeypatch.delenv("BROKEN")
    (machine / "told").unlink()
    assert command("uninstall-unit").code == 0
    assert "daemon-reload" in told(machine)


def test_what_an_older_version_wrote_is_updated_what_a_person_changed_is_kept(command: Command, machine: Path) -> None:
    command("install-unit")
    units = machine / "etc/systemd/system"
    old, changed, masked = (units / name for name in (_units.SERVICE, _units.AGENT, _units.ALERT))
    old.write_bytes(_units._marked(old, "[Service]\n"))
    changed.write_text(changed.read_text() + "# mine\n")
    masked.unlink()
    masked.symlink_to("/dev/null")
    found = actions(command, "install-unit")
    assert [found[str(path)] for path in (old, changed, masked)] == ["updated", "kept", "kept"]
    assert changed.read_text().endswith("# mine\n")
    assert "(changed by hand, or not ours)" in command("uninstall-unit").out
    assert {path.name for path in units.iterdir()} == {_units.AGENT, _units.ALERT}


def test_where_systemd_does_not_obey_it_is_told_how_far_it_came(
    command: Command, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    said = command("install-unit")
    assert (said.code, said.err) == (1, "collections-supervisor: systemctl daemon-reload: no bus\n")
    assert "written  " in said.out


def test_no_systemd(command: Command, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_units, "BOOTED", machine / "nothing")
    assert "no systemd is running here" in command("install-unit").out
    assert told(machine) == []
    monkeypatch.setenv("PATH", str(machine))
    assert command("install-unit").code == 69


def test_a_wrong_configuration_installs_nothing(command: Command, machine: Path) -> None:
    config = machine / "config.toml"
    config.write_text("[agents.x]\nnonsense = 1\n")
    for flags in ((), ("--user",)):
        said = command("install-unit", *flags, "--config", str(config))
        assert said.code == 64
        assert "nonsense" in said.err
    assert not (machine / "etc").exists()


def test_whatever_the_umask_systemd_and_others_may_read_it(command: Command, machine: Path) -> None:
    before = os.umask(0o077)
    try:
        command("install-unit")
    finally:
        os.umask(before)
    for path in (machine / "etc").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_a_command_that_others_can_not_reach_is_refused(
    command: Command, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = machine / "shut"
    shut.mkdir(mode=0o700)
    monkeypatch.setattr(install_unit, "_programs", lambda _: [shut / "env"])
    said = command("install-unit")
    assert (said.code, "can not run" in said.err) == (1, True)
    monkeypatch.setattr(_sandbox, "HIDDEN", ())
    (shut / "env").touch()
    assert command("install-unit").code == 1
    assert not (machine / "etc").exists()


def test_flags_that_a_unit_would_not_have_are_refused(command: Command, machine: Path) -> None:
    said = command("install-unit", "--cache-dir", "/srv/x", "--agents", "mailer")
    assert (said.code, "install-unit takes no --agents and no --cache-dir" in said.err) == (64, True)
    assert not (machine / "etc").exists()


def test_without_polkit_it_is_said_each_time(command: Command, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine / "bin"))
    for flags in (("--dry-run",), (), ()):
        assert "there is no polkit here" in command("install-unit", *flags).out


# --- away ------------------------------------------------------------------------------------------------


def test_away_again_the_service_is_stopped_and_an_agents_unit_in_use_stays(command: Command, machine: Path) -> None:
    command("install-unit")
    said = command("uninstall-unit")
    left = [path for path in (machine / "etc").rglob("*") if path.is_file()]
    assert left == [machine / "etc/systemd/system/agent@.service"]
    assert "agent@mailer.service must be stopped and disabled first" in said.out
    assert "disable --now collections-supervisor.service" in told(machine)
    assert "reset-failed collections-supervisor*.service collections-alert@*.service" in told(machine)


def test_a_service_that_a_person_changed_is_stopped_all_the_same(command: Command, machine: Path) -> None:
    command("install-unit")
    service = machine / "etc/systemd/system" / _units.SERVICE
    service.write_text(service.read_text() + "# mine\n")
    assert actions(command, "uninstall-unit")[str(service)] == "kept"
    assert "disable --now collections-supervisor.service" in told(machine)


def test_nothing_to_take_away(command: Command) -> None:
    assert command("uninstall-unit").out.endswith("note: nothing of ours is in place\n")


@pytest.mark.parametrize("home", ["system", "user"])
def test_starts_that_hang_reach_the_limit_as_well(home: str) -> None:
    """Else systemd starts it again for ever, and people are never told."""
    text = (Path(__file__).parents[2] / "systemd" / home / "collections-supervisor.service").read_text()
    found = dict(line.split("=", 1) for line in text.splitlines() if re.match("[A-Z]", line) and "=" in line)
    names = ("TimeoutStartSec", "TimeoutStopSec", "RestartSec")  # one that hangs may have to be killed
    assert float(found["StartLimitIntervalSec"]) > int(found["StartLimitBurst"]) * sum(float(found[n]) for n in names)


# --- the alert -------------------------------------------------------------------------------------------

SHOWN = "LoadState=loaded\nActiveState=failed\nResult={}\nExecMainCode={}\nExecMainStatus={}\nInvocationID=abc"


@pytest.fixture
def file(place: Place) -> Path:
    file = place.home / "told.jsonl"
    place.config(f'[agents.x]\nnonsense = 1\n[channels.people]\nkind = "file"\npath = "{file}"\n')
    return file


@pytest.mark.parametrize(
    ("shown", "summary"),
    [
        (SHOWN.format("exit-code", 1, 64), "x.service has failed: exit-code, exit status 64"),
        (SHOWN.format("watchdog", 2, 6), "x.service has failed: watchdog, ended by SIGABRT"),
        (SHOWN.format("core-dump", 3, 99), "x.service has failed: core-dump, ended by signal 99"),
        (SHOWN.format("resources", 0, 0), "x.service has failed: resources, its process did not run"),
        ("", "x.service has failed: systemd does not say why, its process did not run"),
    ],
)
def test_people_are_told_though_the_configuration_is_wrong(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch, shown: str, summary: str
) -> None:
    monkeypatch.setenv("SHOWN", shown)
    said = command("alert", "x.service")
    assert (said.code, said.out) == (0, "✔ sent  people  \n")
    assert "nonsense" in said.err
    told = json.loads(file.read_text())
    assert (told["summary"], told["severity"]) == (summary, "critical")
    assert told["evidence"]["journal"] == ["one", '{"event": "two"}']
    assert told["action_required"] == "look: `systemctl status x.service`; read on: `journalctl -u x.service`"


GOOD = '[channels.people]\nkind = "file"\npath = "{}"\n'


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ('[channels.hook]\nkind = "webhook"\n', "channels.hook.url: is required"),
        ('[channels.hook]\nkind = "weebhook"\n', "channels.hook.kind"),
        ("[channels]\nhook = 3\n", "channels.hook: expected a table"),
        ('[channels."a b"]\nkind = "file"\npath = "b"\n', 'channels."a b"'),
        ('[channels.hook]\nkind = "webhook"\n[[escalation.chain]]\nchannel = "hook"\n', "channels.hook.url"),
        ('[[escalation.chain]]\nchannel = "poeple"\n', "escalation.chain[0].channel: unknown channel"),
        ("[escalation]\nchain = 3\n", "escalation.chain: expected a list"),
        ('[outbox]\ntimeout = "soon"\n', "outbox.timeout"),
        ("[paths]\ncache = 3\n", "paths.cache"),
        ("paths = 3\n", "paths: expected a table"),
    ],
)
def test_what_is_wrong_in_who_is_told_keeps_nobody_else_from_being_told(
    command: Command, place: Place, monkeypatch: pytest.MonkeyPatch, wrong: str, named: str
) -> None:
    monkeypatch.setenv("SHOWN", SHOWN.format("exit-code", 1, 64))
    file = place.home / "told.jsonl"
    place.config(wrong + GOOD.format(file))
    said = command("alert", "x.service")
    assert (said.code, said.out) == (1, "✔ sent  people  \n")
    (line,) = said.err.splitlines()
    assert named in line
    assert json.loads(file.read_text())["evidence"]["configuration"] == [line.removeprefix("collections-supervisor: ")]


def test_each_thing_that_is_wrong_is_named(command: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOWN", SHOWN.format("exit-code", 1, 64))
    hook = '[channels.hook]\nkind = "webhook"\n'  # which only a second look finds
    place.config(GOOD.format(place.home / "told.jsonl") + hook + "[escalation]\nchain = 3\n")
    said = command("alert", "x.service")
    assert (said.code, said.out) == (1, "✔ sent  people  \n")
    assert [line.split(": ")[2] for line in said.err.splitlines()] == ["escalation.chain", "channels.hook.url"]


def test_a_chain_that_holds_is_kept(command: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOWN", SHOWN.format("exit-code", 1, 64))
    chain = '[[escalation.chain]]\nchannel = "people"\n'
    other = f'[channels.log]\nkind = "file"\npath = "{place.home}/log.jsonl"\n[outbox]\ntimeout = 0\n'
    place.config(chain + GOOD.format(place.home / "told.jsonl") + other)
    assert command("alert", "x.service").out == "✔ sent  people  \n"


def test_a_file_that_is_no_toml_names_nobody(command: Command, place: Place) -> None:
    place.config(GOOD.format("told.jsonl") + "[")
    said = command("alert", "x.service")
    assert (said.code, said.out) == (64, "")
    assert "config.toml" in said.err


@pytest.mark.parametrize("state", ["activating", "active"])
def test_one_that_systemd_starts_again_is_no_alarm(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setenv("SHOWN", f"LoadState=loaded\nActiveState={state}\nResult=watchdog")
    said = command("alert", "x.service")
    assert (said.code, said.err) == (0, f"collections-supervisor: x.service is {state}: nobody is told\n")
    assert command("alert", "x.service", "--json").json == {"message": None, "channels": {}}
    assert not file.exists()


def test_the_same_alarm_is_told_once(command: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOWN", SHOWN.format("exit-code", 1, 64))
    for _ in range(2):
        said = command("alert", "--user", "x.service", "--json").json
        assert said["channels"]["people"]["ok"]
    assert len(file.read_text().splitlines()) == 1


def test_without_systemctl_and_journalctl_people_are_told_all_the_same(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert command("alert", "x.service").code == 0
    assert json.loads(file.read_text())["evidence"]["journal"] == []


def test_nobody_to_tell(command: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.config("[agents.x]\n")
    assert command("alert", "x.service").err == "collections-supervisor: no channel is configured: nobody is told\n"
    monkeypatch.setenv("SHOWN", "LoadState=not-found")
    assert command("alert", "y.service").err == "collections-supervisor: there is no unit y.service\n"
