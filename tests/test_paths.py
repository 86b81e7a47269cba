from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.paths import (
    SYSTEM_CONFIG,
    config_file,
    configured,
    control_sockets,
    expand,
    home,
    named_config,
    places,
    system_socket,
    user_config,
)
from tests.support import plain

HOME = {"HOME": "/home/ann"}


def test_defaults_without_any_variable() -> None:
    found = places(HOME)
    cache = Path("/home/ann/.cache/novotechno-collections")
    state = Path("/home/ann/.local/share/novotechno-collections/state")
    data = Path("/home/ann/.local/state/collections-supervisor")
    assert (found.cache, found.heartbeats, found.queues) == (cache, cache / "heartbeats", cache / "queues")
    assert found.dashboard == cache / "dashboard.html"
    assert (found.state, found.ledger, found.event_log) == (
        state,
        state / "collections_ledger.md",
        state / "events.log",
    )
    assert (found.data, found.socket) == (data, data / "control.sock")


def test_xdg_variables() -> None:
    found = places(
        {
            "XDG_CACHE_HOME": "/c",
            "XDG_DATA_HOME": "/d",
            "XDG_STATE_HOME": "/s",
            "XDG_RUNTIME_DIR": "/run/user/7",
        }
    )
    assert found.cache == Path("/c/novotechno-collections")
    assert found.state == Path("/d/novotechno-collections/state")
    assert found.data == Path("/s/collections-supervisor")
    assert found.socket == Path("/run/user/7/collections-supervisor/control.sock")


def test_systemd_folders_come_first_and_only_the_first_of_them_counts() -> None:
    found = places(
        {
            "XDG_STATE_HOME": "/s",
            "XDG_RUNTIME_DIR": "/run/user/7",
            "STATE_DIRECTORY": "/var/lib/one:/var/lib/two",
            "RUNTIME_DIRECTORY": "/run/one:/run/two",
        }
    )
    assert (found.data, found.socket) == (Path("/var/lib/one"), Path("/run/one/control.sock"))


@pytest.mark.parametrize("value", ["", "relative/folder"])
@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"])
def test_an_empty_or_relative_variable_counts_as_unset(variable: str, value: str) -> None:
    assert places({**HOME, variable: value}) == places(HOME)


def test_what_is_given_wins_and_carries_what_lies_in_it() -> None:
    found = places(HOME, {"cache": Path("/c"), "state": Path("/s"), "data": Path("/d"), "ledger": Path("/l.md")})
    assert (found.heartbeats, found.queues) == (Path("/c/heartbeats"), Path("/c/queues"))
    assert found.dashboard == Path("/c/dashboard.html")
    assert (found.ledger, found.event_log) == (Path("/l.md"), Path("/s/events.log"))
    assert found.socket == Path("/d/control.sock")


def test_home_without_the_variable_is_the_users() -> None:
    assert home({}) == Path.home()
    assert home(HOME) == Path("/home/ann")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/a/b", "/a/b"),
        ("b", "/etc/x/b"),
        ("../b", "/etc/b"),
        ("./a//b/", "/etc/x/a/b"),
        ("~", "/home/ann"),
        ("~/a", "/home/ann/a"),
        ("a/~", "/etc/x/a/~"),
    ],
)
def test_expand(text: str, path: str) -> None:
    assert expand(text, Path("/etc/x"), HOME) == Path(path)


def test_expand_knows_other_users() -> None:
    assert expand("~root/a", Path("/x"), HOME) == Path(os.path.expanduser("~root/a"))  # noqa: PTH111


@pytest.mark.parametrize("text", ["", "a\0b", "~no-such-user-here/a"])
def test_expand_refuses_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"path has|there is no user 'no-such-user-here'"):
        expand(text, Path("/x"), HOME)


def test_the_configuration_is_looked_for_in_order(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}
    usual = tmp_path / "xdg/collections-supervisor/config.toml"
    assert config_file(None, environ) in {None, SYSTEM_CONFIG}
    usual.parent.mkdir(parents=True)
    usual.touch()
    assert config_file(None, environ) == usual
    named = {**environ, "COLLECTIONS_SUPERVISOR_CONFIG": str(tmp_path / "absent.toml")}
    assert config_file(None, named) == tmp_path / "absent.toml"
    assert config_file(Path("given.toml"), named) == Path("given.toml")
    assert config_file(None, {**environ, "COLLECTIONS_SUPERVISOR_CONFIG": ""}) == usual


def test_a_configuration_that_is_a_broken_link_is_not_passed_over(tmp_path: Path) -> None:
    usual = tmp_path / ".config/collections-supervisor/config.toml"
    usual.parent.mkdir(parents=True)
    usual.symlink_to("nowhere")
    assert config_file(None, {"HOME": str(tmp_path)}) == usual


@pytest.mark.parametrize(
    ("text", "socket"),
    [
        ('[paths]\nsocket = "here.sock"', "here.sock"),
        ('[paths]\ndata = "own"', "own/control.sock"),
        ('[paths]\ndata = "own"\nsocket = 7\ncache = ""', "own/control.sock"),
    ],
)
def test_the_socket_that_the_configuration_names(tmp_path: Path, text: str, socket: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)
    assert configured(config, HOME).socket == tmp_path / socket


def test_the_roots_as_configured_and_as_given(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[paths]\ncache = "c"\nstate = "s"\nnonsense = "x"\n[agents]\nbad = 7')
    found = configured(config, HOME, {"state": Path("/given")})
    assert found == places(HOME, {"cache": tmp_path / "c", "state": Path("/given")})


def test_a_users_own_configuration() -> None:
    assert user_config(HOME) == Path("/home/ann/.config/collections-supervisor/config.toml")


@pytest.mark.parametrize("text", ["paths = 7", "not toml", "[paths]", "", "\udcff", "a = " + "[" * 5000])
def test_a_configuration_that_makes_no_sense_leaves_the_usual_places(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.toml"
    config.write_bytes(text.encode(errors="surrogateescape"))
    assert configured(config, HOME) == places(HOME)


def test_a_configuration_that_can_not_be_read_leaves_the_usual_places(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("absent", "fifo", "."):
        assert configured(tmp_path / name, HOME) == places(HOME)


# --- where a daemon may listen -----------------------------------------------------------------------

SOCKET = "collections-supervisor/control.sock"
USER = Path("/run/user") / str(os.getuid()) / SOCKET
DATA = Path("/home/ann/.local/state") / SOCKET
SYSTEM = Path("/run") / SOCKET


@pytest.mark.parametrize(
    ("environ", "sockets"),
    [
        ({"XDG_RUNTIME_DIR": "/x"}, (Path("/x") / SOCKET, DATA, SYSTEM)),
        ({}, (USER, DATA, SYSTEM)),  # as in a cron job
        ({"RUNTIME_DIRECTORY": "/run/agent:/run/b"}, (Path("/run/agent/control.sock"), USER, DATA, SYSTEM)),
        ({"RUNTIME_DIRECTORY": "/run/collections-supervisor"}, (SYSTEM, USER, DATA)),  # as in the unit
        ({"STATE_DIRECTORY": "/var/lib/x"}, (USER, Path("/var/lib/x/control.sock"), SYSTEM)),
        ({"XDG_RUNTIME_DIR": "/" + 100 * "x"}, (DATA, SYSTEM)),  # longer than a socket's path can be
    ],
)
def test_the_sockets_of_a_daemon(environ: dict[str, str], sockets: tuple[Path, ...]) -> None:
    assert control_sockets(None, {**HOME, **environ}) == sockets
    assert system_socket() == SYSTEM


def test_where_a_daemon_would_listen_is_among_the_sockets(tmp_path: Path) -> None:
    environs = [HOME, {**HOME, "XDG_RUNTIME_DIR": "/x"}, {**HOME, "RUNTIME_DIRECTORY": "/run/agent"}]
    for environ in environs:
        assert places(environ).socket in control_sockets(None, environ)


def test_a_socket_that_the_configuration_names_is_the_only_one(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[paths]\nsocket = "here.sock"')
    environ = {**HOME, "XDG_RUNTIME_DIR": "/x", "RUNTIME_DIRECTORY": "/run/agent"}
    assert control_sockets(config, environ) == (tmp_path / "here.sock",)
    config.write_text('[paths]\ndata = "own"')
    assert control_sockets(config, {**HOME, "XDG_RUNTIME_DIR": "/x"})[1] == tmp_path / "own/control.sock"


def test_a_configuration_that_somebody_names() -> None:
    variable = {"COLLECTIONS_SUPERVISOR_CONFIG": "/c.toml"}
    assert named_config(None, HOME) is None
    assert named_config(None, variable) == Path("/c.toml")
    assert named_config(Path("mine.toml"), variable) == Path("mine.toml")


def test_importing_it_is_cheap() -> None:
    code = "import sys, supervisor.paths; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain.environ())
    assert not {"asyncio", "dataclasses", "pydantic", "tomllib"} & set(done.stdout.split())
