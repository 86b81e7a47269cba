"""What the sandbox opens for a configuration, and what the service's user may read."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path

import pytest

from supervisor.cli import _sandbox, _units, install_unit
from supervisor.cli._errors import CommandError
from supervisor.settings import Settings, load
from tests.cli.conftest import Command, Place


def drop_in(tmp_path: Path, text: str) -> list[str]:
    config = tmp_path / "config.toml"
    config.write_text(text)
    lines = _sandbox.drop_in(load(config, _sandbox.ENVIRONMENT)).splitlines()
    return [line for line in lines[2:] if not line.startswith("Environment=") and str(tmp_path) not in line]


def test_the_units_own_folders_need_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drop_in(tmp_path, "") == []


@pytest.mark.parametrize("unit", [_units.SERVICE, _units.ALERT])
def test_the_units_open_what_the_drop_in_leaves_to_them(unit: str) -> None:
    lines = (_units.shipped() / "system" / unit).read_text().splitlines()
    assert [line for line in lines if line.startswith("ReadWritePaths=")] == [f"ReadWritePaths=-{_sandbox._OPEN[-1]}"]


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


# --- its user ----------------------------------------------------------------------------------------------


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


@pytest.mark.usefixtures("machine")
def test_a_dry_run_of_somebody_who_may_not_look_says_what_is_shut(
    command: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut, look, note = place.machine / "shut", Path.stat, Path.lstat
    place.machine.chmod(0o755)
    shut.mkdir(mode=0o700)

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
