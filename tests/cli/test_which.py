"""Which daemon a command asks, and when it is sure that there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from supervisor.cli import _client
from tests.cli.conftest import PYTHON, Command, Place, Said
from tests.support.control import MemoryControl, agent
from tests.support.served import Served


@pytest.fixture
def serving() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def serve(serving: ExitStack, path: Path, name: str = "mailer", **watches: str) -> MemoryControl:
    """Run a daemon there, whose only agent has this name."""
    control = MemoryControl(agent(name, last_heartbeat=time.time(), due=time.time() + 60), now=time.time)
    known = {"config": None, "cache": "/c", "heartbeats": "/c/heartbeats", "state": "/s"}
    serving.enter_context(Served(control, path, {**known, **watches}).running())
    return control


def unprivileged(*words: str) -> Said:
    """Run the command as somebody who may not open everything, though root may."""
    give_up = () if os.getuid() else ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    done = subprocess.run([*give_up, *PYTHON, *words], capture_output=True, text=True, check=False, timeout=60)
    return Said(done.returncode, done.stdout, done.stderr)


def test_the_systems_daemon_is_found_without_its_environment(
    command: Command, place: Place, serving: ExitStack
) -> None:
    serve(serving, place.system, "of-the-system")
    said = command("status")
    assert (said.code, said.err) == (0, "")
    assert "of-the-system" in said.out


def test_a_daemon_of_our_own_comes_first(command: Command, place: Place, serving: ExitStack) -> None:
    serve(serving, place.system, "of-the-system")
    serve(serving, place.socket, "our-own")
    assert "our-own" in command("status").out


def test_a_cron_job_finds_the_daemon_of_a_session(
    command: Command, place: Place, serving: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    serve(serving, place.run / "user" / str(os.getuid()) / "collections-supervisor" / "control.sock")
    assert command("check").code == 0


def test_a_daemon_that_was_started_without_a_session_is_found_from_one(
    command: Command, place: Place, serving: ExitStack
) -> None:
    serve(serving, place.data / "control.sock")
    assert command("check").code == 0


def test_what_a_dead_daemon_left_is_passed_over(command: Command, place: Place, serving: ExitStack) -> None:
    place.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place.socket))
    (place.home / ".local").write_text("a file where a folder should be")
    serve(serving, place.system)
    assert command("status").code == 0


def test_where_there_is_none_every_place_is_named(command: Command, place: Place) -> None:
    said = command("status")
    assert (said.code, said.err) == (3, f"collections-supervisor: {place.silent}\n")


def test_a_socket_that_is_configured_is_the_only_one(command: Command, place: Place, serving: ExitStack) -> None:
    serve(serving, place.system)
    place.config('[paths]\nsocket = "mine.sock"\n')
    said = command("status")
    assert said.code == 3
    assert said.err.endswith(f"(nothing listens at {place.home}/.config/collections-supervisor/mine.sock)\n")


def test_a_socket_that_can_not_be_is_said(command: Command, place: Place) -> None:
    place.config(f'[paths]\nsocket = "{120 * "x"}.sock"\n')
    said = command("check")
    assert (said.code, said.out) == (3, "")
    assert "path too long" in said.err


# --- sure that there is none -------------------------------------------------------------------------


def test_no_pass_of_our_own_beside_a_daemon_that_does_not_answer(
    command: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_client.Daemon.__init__, "__defaults__", (0.2,))
    place.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(place.socket))
        deaf.listen()
        for words in (("check",), ("dashboard",)):
            said = command(*words)
            assert (said.code, said.out) == (3, "")
            assert "does not answer within 0.2 s" in said.err
        assert command("test-notify").code == 69
    assert not place.data.exists()


_ODD = """
import socket, sys
odd = socket.socket(fileno=int(sys.argv[1]))
odd.accept()
connection, _ = odd.accept()
connection.recv(65536, {flags})
connection.sendall({answer!r})
"""


@pytest.mark.parametrize(
    ("answer", "unread", "code"),
    [
        (b"", False, 3),
        (b"", True, 3),  # the kernel resets the connection
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", False, 3),
        (b"what?\r\n\r\n", False, 3),
        (b"\0", False, 3),
        (b"HTTP/1.1 500 Oh\r\n\r\noh", False, 70),
    ],
)
def test_an_answer_that_is_none_is_said(command: Command, place: Place, answer: bytes, unread: bool, code: int) -> None:
    place.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as odd:
        odd.bind(str(place.socket))
        odd.listen()
        talks = _ODD.format(answer=answer, flags="socket.MSG_PEEK" if unread else 0)
        with subprocess.Popen([sys.executable, "-c", talks, str(odd.fileno())], pass_fds=[odd.fileno()]):
            said = command("check")
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("collections-supervisor: the daemon ")
    assert "answer" in said.err
    assert said.err.count("\n") == 1
    assert not place.data.exists()


def test_a_daemon_of_ours_that_may_not_be_opened_is_not_passed_over(place: Place, serving: ExitStack) -> None:
    serve(serving, place.socket)
    place.socket.chmod(0)
    said = unprivileged("check")
    assert (said.code, said.out) == (3, "")
    assert f"the daemon belongs to another user: {place.socket} may not be opened" in said.err
    assert not place.data.exists()


def test_the_systems_daemon_that_may_not_be_opened_is_another_matter(place: Place, serving: ExitStack) -> None:
    serve(serving, place.system)
    place.system.parent.chmod(0)
    said = unprivileged("status")
    assert said.code == 3
    assert f"{place.system} may not be opened (nothing listens at {place.socket}" in said.err
    assert unprivileged("check", "--agents", "ours").code == 2
    assert place.data.exists()


def test_unless_its_configuration_is_ours(place: Place, serving: ExitStack) -> None:
    serve(serving, place.system)
    place.system.parent.chmod(0)
    place.etc.parent.mkdir()
    place.etc.write_text("")
    said = unprivileged("check")
    assert (said.code, said.out) == (3, "")
    assert f"the daemon belongs to another user: {place.system} may not be opened" in said.err
    assert not place.data.exists()


# --- it watches something else -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--cache-dir", "/other"), "watches /c, not /other"),
        (("--state-dir", "/other"), "watches /s, not /other"),
        (("--config", "/other.toml"), "runs with /c.toml, not /other.toml"),
    ],
)
@pytest.mark.parametrize("name", ["check", "--health-check", "status", "dashboard", "why", "reload"])
def test_a_daemon_that_watches_something_else_is_not_asked(
    command: Command, place: Place, serving: ExitStack, name: str, flags: tuple[str, ...], text: str
) -> None:
    control = serve(serving, place.socket, config="/c.toml")
    words = (name, "mailer") if name == "why" else (name,)
    said = command(*words, *flags)
    assert (said.code, said.out) == (69 if name == "reload" else 3, "")
    assert said.err == f"collections-supervisor: the daemon at {place.socket} {text}\n"
    assert control.asked == []
    assert not place.data.exists()


def test_a_daemon_without_a_configuration_is_another_than_one_with(
    command: Command, place: Place, serving: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(serving, place.socket)
    monkeypatch.setenv("COLLECTIONS_SUPERVISOR_CONFIG", "/mine.toml")
    said = command("check", "--json")
    assert said.code == 3
    assert said.json["error"] == f"the daemon at {place.socket} runs with no configuration file, not /mine.toml"


def test_the_same_by_another_name_is_the_same(
    command: Command, place: Place, serving: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, link = place.home / "cache", place.home / "link"
    cache.mkdir()
    link.symlink_to(cache)
    monkeypatch.chdir(place.home)
    serve(serving, place.socket, cache=str(cache))
    assert command("check", "--cache-dir", "link/").code == 0
    assert command("check", "--cache-dir", str(link), "--state-dir", "/s/../s").code == 0


def test_the_daemon_with_the_configuration_that_is_named_is_asked(
    command: Command, place: Place, serving: ExitStack
) -> None:
    serve(serving, place.socket, "our-own", config="/mine.toml")
    serve(serving, place.system, "of-the-system", config=str(place.etc))
    assert "of-the-system" in command("status", "--config", str(place.etc)).out


def test_who_has_a_configuration_of_his_own_does_not_mean_the_systems_daemon(
    command: Command, place: Place, serving: ExitStack
) -> None:
    serve(serving, place.system, config=str(place.etc))
    assert command("check").code == 0
    mine = place.config("")
    said = command("check")
    assert said.code == 3
    assert said.err.endswith(f"the daemon at {place.system} runs with {place.etc}, not {mine}\n")
    serve(serving, place.socket, config="/any.toml")
    assert command("check").code == 0


def test_an_interval_does_not_change_a_running_daemon(command: Command, place: Place, serving: ExitStack) -> None:
    serve(serving, place.socket)
    said = command("check", "--interval", "60")
    assert said.code == 0
    assert "healthy" in said.out
    assert said.err == (
        "collections-supervisor: --interval is passed over: the running daemon keeps to its own configuration\n"
    )
