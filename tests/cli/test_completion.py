"""Completion in the real shells, against a daemon that knows names."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Place
from tests.support.needs import missing
from tests.support.served import Served
from tests.support.terminal import terminal

COMPLETE = Callable[[str, Path, str], list[str]]


@pytest.fixture
def bin_(place: Place, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the PATH that holds the command by its name."""
    folder = place.machine / "bin"
    folder.mkdir()
    program = folder / "collections-supervisor"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m supervisor "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def shell(name: str, *words: str, code: str) -> list[str]:
    program = shutil.which(name) or missing(name, f"apt-get install {name}")
    done = subprocess.run([program, *words, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split("\n")


def bash(script: Path, line: str) -> list[str]:
    words = " ".join(f"'{word}'" for word in line.split(" "))
    code = f"""
        source {script}
        COMP_WORDS=({words}) COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        COMP_LINE='{line}' COMP_POINT={len(line)}
        $(complete -p collections-supervisor | sed 's/.*-F \\([^ ]*\\).*/\\1/') collections-supervisor
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return shell("bash", "--norc", code=code)


def fish(script: Path, line: str) -> list[str]:
    found = shell("fish", "--no-config", code=f"source {script}; complete --do-complete '{line}'")
    return [one.partition("\t")[0] for one in found]


def zsh(script: Path, line: str) -> list[str]:
    """zsh completes on a terminal only: there its list is read."""
    program = shutil.which("zsh") or missing("zsh", "apt-get install zsh")
    functions = script.parent / "functions"
    functions.mkdir(exist_ok=True)
    (functions / "_collections-supervisor").write_bytes(script.read_bytes())
    rc = script.parent / ".zshrc"
    rc.write_text(
        f"fpath+={functions}; autoload -Uz compinit; compinit -u -d {script.parent}/dump\n"
        "setopt no_auto_menu; LISTMAX=1000; PS1='at-your-service> '\n"
    )
    with terminal(program, "-d", "-i", columns=200, lines=60, ZDOTDIR=str(script.parent)) as seen:
        seen.until(lambda lines: any("at-your-service>" in text for text in lines))
        seen.settle(0.5)  # it throws away what is typed before it listens
        seen.type(line)
        found: list[str] = []
        for _ in range(6):
            seen.type("\t")
            seen.settle(1.0)
            if found := " ".join(seen.lines[1:]).split():
                break
        return found


@pytest.fixture(params=[bash, zsh, fish], ids=lambda complete: complete.__name__)
def offered(request: pytest.FixtureRequest, bin_: Path, command: Command) -> Callable[[str], list[str]]:
    name = request.param.__name__
    script = bin_ / f"script.{name}"
    said = command("completion", name)
    assert said.code == 0
    script.write_text(said.out)
    return lambda line: request.param(script, f"collections-supervisor {line}")


def test_commands(offered: Callable[[str], list[str]]) -> None:
    found = offered("re")
    assert {"reload", "reconcile", "release", "restart"} <= set(found)
    assert "status" not in found


def test_agents_are_those_that_the_daemon_knows(offered: Callable[[str], list[str]], served: Served) -> None:
    assert {"mailer", "watcher"} <= set(offered("why "))


def test_incidents(offered: Callable[[str], list[str]], served: Served) -> None:
    first, second = served.control.open("mailer:heartbeat"), served.control.open("watcher:heartbeat")
    assert {first.id, second.id} <= set(offered("ack "))


def test_without_a_daemon_nothing_is_offered_and_nothing_said(offered: Callable[[str], list[str]]) -> None:
    found = offered("why ")
    assert not {"mailer", "watcher"} & set(found)
    assert not any("daemon" in word for word in found)


# --- the names themselves ----------------------------------------------------------------------------


def test_names(command: Command, served: Served, place: Place) -> None:
    incident = served.control.open("mailer:heartbeat")
    place.config('[channels.ops]\nkind = "file"\npath = "ops.jsonl"\n')
    said = command("completion", "agents")
    assert (said.code, said.out) == (0, "mailer\nwatcher\n")
    assert command("completion", "incidents").out == f"{incident.id}\n"
    assert command("completion", "channels").out == "ops\n"
    assert command("completion", "silences").out == ""
    assert command("completion", "agents", "--json").json == {"agents": ["mailer", "watcher"]}


def test_a_shell_that_is_not_known(command: Command) -> None:
    said = command("completion", "csh")
    assert said.code == 64
    assert "csh" in said.err
