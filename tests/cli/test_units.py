"""`install-unit`, `uninstall-unit` and `alert`, without a systemd; with one: tests/integration/test_systemd.py."""

from __future__ import annotations

import errno
import json
import os
import pwd
from pathlib import Path

import pytest

from supervisor.cli import _sandbox, _units, install_unit
from supervisor.cli._errors import CommandError
from supervisor.settings import Settings, load
from tests.cli.conftest import Command, Place

SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$TOLD"
case "$0" in *"${FAILS:-nothing}") echo "no users" >&2; exit 1 ;; esac
case "$*" in
*show*) printf '%s\\n' "$SHOWN" ;;
*list-units*) echo "agent@mailer.service loaded active running Agent mailer" ;;
*daemon-reload*) [ -z "$BROKEN" ] || { echo "no bus" >&2; exit 1; } ;;
esac
"""


@pytest.fixture(autouse=True)
def machine(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of our own with a `systemctl` that writes down what it is told."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("systemctl", "systemd-sysusers", "systemd-tmpfiles"):
        (programs / name).write_text(SYSTEMCTL)
        (programs / name).chmod(0o755)
    (programs / "journalctl").write_text('#!/bin/sh\nprintf \'one\\n{"event": "two"}\\n\'\n')
    (programs / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setattr(_units, "ETC", tmp_path / "etc")
    monkeypatch.setattr(_units, "BOOTED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(install_unit, "_programs", lambda _: [Path("/usr/bin/env")])
    return tmp_path


def told(machine: Path) -> list[str]:
    path = machine / "told"
    return path.read_text().splitlines() if path.exists() else []


def actions(command: Command, *words: str) -> dict[str, str]:
    return {file["path"]: file["action"] for file in command(*words, "--json").json["files"]}


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


def test_what_its_user_may_not_read_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, file = place.machine, place.machine / "file"
    file.touch(mode=0o640)

    def barrier(path: Path, mode: int, user: int | None = None, groups: tuple[int, ...] = ()) -> Path | None:
        shared.chmod(mode)
        monkeypatch.setattr(install_unit, "_identity", lambda: (user, groups))
        return install_unit._barrier(path)

    own, group = os.getuid(), (os.getgid(),)
    assert barrier(shared, 0o750) == barrier(shared, 0o751) == barrier(shared, 0o754) == shared
    assert barrier(shared, 0o755) is None
    assert barrier(shared, 0o710, groups=group) == shared
    assert barrier(shared, 0o2750, groups=group) is None
    assert barrier(shared, 0o700, user=own) is None
    assert barrier(file, 0o711) == file
    assert barrier(file, 0o710, groups=group) is None
    assert barrier(shared / "nothing", 0o711) is None


def test_the_service_has_an_identity_once_there_is_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    me = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(install_unit, "_USER", me.pw_name)
    user, groups = install_unit._identity()
    assert (user, me.pw_gid in groups) == (me.pw_uid, True)
    monkeypatch.setattr(install_unit, "_USER", "nobody of this name")
    assert install_unit._identity() == (None, ())


def test_a_dry_run_of_somebody_who_may_not_look_says_what_is_shut(
    command: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut, look, note = place.machine / "shut", Path.stat, Path.lstat
    place.machine.chmod(0o755)
    shut.mkdir()
    shut.chmod(0o711)  # open by its mode, and shut by something else

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if shut in path.parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, follow_symlinks=follow_symlinks)

    def lstat(path: Path) -> os.stat_result:
        if path.suffix == ".rules":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return note(path)

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(Path, "lstat", lstat)
    link = place.machine / "link"
    link.symlink_to(shut / "novo")
    config = place.config(f'[paths]\nstate = "{link}/state"\n')
    said = command("install-unit", "--dry-run", "--config", str(config))
    assert (said.code, f"setfacl -m u:collections:rX {shut}\n" in said.out) == (0, True)
    assert "50-collections-supervisor.rules (only root may look there)\n" in said.out
    assert "(only root may look there)\n" in command("uninstall-unit", "--dry-run").out


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


def test_a_users_own(command: Command, machine: Path, place: Place) -> None:
    config = place.config("[agents.mailer]\n")
    (machine / "run").mkdir()
    found = actions(command, "install-unit", "--user", "--config", str(config))
    units = place.home / ".config/systemd/user"
    assert {path.relative_to(units) for path in map(Path, found)} == {
        Path(_units.SERVICE),
        Path(_units.ALERT),
        Path(_units.AGENT),
        Path(f"{_units.SERVICE}.d/50-paths.conf"),
        Path(f"{_units.ALERT}.d/50-paths.conf"),
    }
    assert (
        f'Environment="COLLECTIONS_SUPERVISOR_CONFIG={config}"'
        in (units / f"{_units.SERVICE}.d/50-paths.conf").read_text()
    )
    again = actions(command, "install-unit", "--user")
    assert again[str(units / f"{_units.SERVICE}.d/50-paths.conf")] == "removed"
    command("uninstall-unit", "--user")
    assert list(units.iterdir()) == []


@pytest.mark.parametrize("known", [None, "another"])
def test_a_users_systemd_is_found_without_a_session(
    command: Command, machine: Path, place: Place, monkeypatch: pytest.MonkeyPatch, known: str | None
) -> None:
    session = place.run / "user" / str(os.getuid())
    (session / "systemd").mkdir(parents=True)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    if known:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(machine / known))
    control = ["env", f"XDG_RUNTIME_DIR={session}", "systemctl", "--user"]
    said = command("install-unit", "--user", "--json").json
    assert said["commands"] == [[*control, "daemon-reload"]]
    assert said["next"][0] == f"{' '.join(control)} enable --now collections-supervisor"
    said = command("uninstall-unit", "--user", "--json").json
    assert said["commands"][0] == [*control, "disable", "--now", _units.SERVICE]


def test_a_users_own_looks_where_the_shell_looks(
    command: Command, machine: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{machine}/100%")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    command("install-unit", "--user")
    drop_in = place.home / f".config/systemd/user/{_units.SERVICE}.d/50-paths.conf"
    assert drop_in.read_text().splitlines()[2:] == ["[Service]", f'Environment="XDG_CACHE_HOME={machine}/100%%"']


def test_units_that_the_users_systemd_would_not_read_are_not_written(
    command: Command, machine: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.machine / "systemd").mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(machine / "mine"))
    monkeypatch.setenv("SHOWN", f"{place.home}/.config/systemd/user /etc/systemd/user")
    said = command("install-unit", "--user")
    assert (said.code, "does not know your $XDG_CONFIG_HOME" in said.err) == (1, True)
    assert not (machine / "mine").exists()
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert command("install-unit", "--user").code == 0


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


def test_without_a_systemd_nothing_starts_it_and_it_is_said_that_nothing_stops_it(
    command: Command, machine: Path, place: Place
) -> None:
    command("install-unit", "--user")
    units = place.home / ".config/systemd/user"
    link = units / "default.target.wants" / _units.SERVICE
    link.parent.mkdir()
    link.symlink_to(units / _units.SERVICE)
    assert f"removed  {link}\n" in command("uninstall-unit", "--user", "--dry-run").out
    said = command("uninstall-unit", "--user").out
    assert f"removed  {link}\n" in said
    assert said.endswith("no systemd is running here that could stop the service: end it, if it runs\n")
    assert not link.is_symlink()


def test_nothing_to_take_away(command: Command) -> None:
    assert command("uninstall-unit").out.endswith("note: nothing of ours is in place\n")


# --- the sandbox -----------------------------------------------------------------------------------------


def drop_in(tmp_path: Path, text: str) -> list[str]:
    config = tmp_path / "config.toml"
    config.write_text(text)
    lines = _sandbox.drop_in(load(config, _sandbox.ENVIRONMENT)).splitlines()
    return [line for line in lines[2:] if not line.startswith("Environment=") and str(tmp_path) not in line]


def test_the_units_own_folders_need_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drop_in(tmp_path, "") == []


def test_what_lies_in_a_home_is_bound_and_what_is_written_is_opened(tmp_path: Path) -> None:
    text = """
    [paths]
    cache = "/home/agent/.cache/novotechno-collections"
    state = "/srv/books 100%/state"
    dashboard = "/srv/www/page.html"
    [metrics]
    textfile = "/var/lib/node-exporter/supervisor.prom"
    [channels.people]
    kind = "file"
    path = "/srv/told/people.jsonl"
    """
    assert drop_in(tmp_path, text) == [
        "BindPaths=-/home/agent/.cache/novotechno-collections",
        "ReadWritePaths=-/srv/told",
        "ReadWritePaths=-/srv/www",
        "ReadWritePaths=-/var/lib/node-exporter",
    ]
    managed = '[agents.x.restart]\nkind = "managed"\ncommand = ["agent"]\n'
    assert drop_in(tmp_path, text + managed)[:2] == [
        "BindPaths=-/home/agent/.cache/novotechno-collections",
        'ReadWritePaths="-/srv/books 100%%/state"',
    ]


def test_the_folder_above_is_bound_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agent/.cache").mkdir(parents=True)
    monkeypatch.setattr(_sandbox, "HIDDEN", (tmp_path,))
    assert _sandbox._stable(tmp_path / "agent/.cache/x/heartbeats") == tmp_path / "agent/.cache"
    assert _sandbox._stable(tmp_path / "agent") == tmp_path / "agent"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that the sandbox hides, with a folder `novo` in it."""
    home = tmp_path / "home"
    (home / "agent" / "data" / "novo").mkdir(parents=True)
    monkeypatch.setattr(_sandbox, "HIDDEN", (home,))
    monkeypatch.setattr(_sandbox, "_HOMES", home)
    return home


def settings(tmp_path: Path, text: str) -> Settings:
    config = tmp_path / "config.toml"
    config.write_text(text)
    return load(config, _sandbox.ENVIRONMENT)


def test_both_ends_of_a_link_are_opened(tmp_path: Path, home: Path) -> None:
    outside = tmp_path / "srv"
    outside.mkdir()
    (outside / "novo").symlink_to(home / "agent/data/novo")
    (home / "agent/data/page").symlink_to(outside)
    text = f'[paths]\ncache = "{outside}/novo"\nstate = "/srv/s"\ndashboard = "{home}/agent/data/page/x.html"\n'
    assert _sandbox.drop_in(settings(tmp_path, text)).splitlines()[3:] == [
        f"BindPaths=-{home}/agent/data",
        f"ReadWritePaths=-{outside}",
    ]


def test_a_folder_in_a_home_that_is_made_again_is_written_to_as_before(tmp_path: Path, home: Path) -> None:
    text = f'[paths]\ncache = "{home}/agent/data/novo"\nstate = "{home}/agent/state"\n'
    found = settings(tmp_path, text)
    assert _sandbox.drop_in(found).splitlines()[3:] == [
        f"BindReadOnlyPaths=-{home}/agent",
        f"BindPaths=-{home}/agent/data",
    ]
    assert _sandbox.absent(found) == []
    assert _sandbox.homes(found) == [home / "agent"]
    assert _sandbox.absent(settings(tmp_path, f'[paths]\ncache = "{home}/other/novo"\n')) == [home / "other/novo"]


def test_what_the_sandbox_hides_is_named(tmp_path: Path, home: Path) -> None:
    (tmp_path / "link").symlink_to(home / "agent/second")
    text = f"""
    [paths]
    cache = "{home}/agent/data/novo"
    [channels.hook]
    kind = "webhook"
    url = "http://127.0.0.1/"
    token_file = "{home}/agent/token"
    [channels.told]
    kind = "file"
    path = "{home}/agent/data/told.jsonl"
    [agents.x.restart]
    kind = "command"
    command = ["/usr/bin/python3", "{tmp_path}/link"]
    """
    assert _sandbox.unseen(settings(tmp_path, text)) == [home / "agent/token", tmp_path / "link"]


@pytest.mark.parametrize("path", ["/home/a:b/c", "/home/a\\\\b", '/home/a\\"b', "/srv/a'b"])
def test_what_systemd_can_not_open_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(CommandError, match="systemd"):
        drop_in(tmp_path, f'[paths]\ndashboard = "{path}/page.html"\n')


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
