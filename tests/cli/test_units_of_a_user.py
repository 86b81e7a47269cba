"""`install-unit --user` and `uninstall-unit --user`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.cli import _units
from tests.cli.conftest import Command, Place, actions


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
