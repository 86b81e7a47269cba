from __future__ import annotations

import argparse
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.cli import _main
from supervisor.cli._fleet import EXIT
from supervisor.cli._main import PROGRAM, whole_parser
from tests.cli.conftest import PYTHON, Command, Place, on_a_terminal
from tests.support import plain
from tests.support.control import MemoryControl
from tests.support.served import Served

COMMANDS = sorted(
    path.stem.replace("_", "-")
    for path in (Path(__file__).parents[2] / "supervisor" / "cli").glob("*.py")
    if not path.stem.startswith("_")
)


def test_help_lists_every_command(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = command("--help")
    assert said.code == 0
    for name in COMMANDS:
        assert re.search(rf"^    {name} +\S", said.out, re.MULTILINE), name
    assert all(len(line) <= 80 for line in said.out.splitlines())
    assert "Watches unattended agents" in said.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(command: Command, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = command(name, "--help")
    assert said.code == 0
    assert said.out.startswith(f"usage: collections-supervisor {name}")
    assert len(said.out.splitlines()) > 2
    assert all(len(line) <= 80 for line in said.out.splitlines())
    assert said.out.endswith("The flags that every command takes: collections-supervisor --help\n")


def test_version(command: Command) -> None:
    said = command("--version")
    assert (said.code, said.out.split()[0]) == (0, "collections-supervisor")
    assert command("--version", "--json").json == {"version": said.out.split()[1]}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "say what to do"),
        (("statu",), "there is no command 'statu' (--help tells more)"),
        (("status", "--nonsense"), "unrecognized arguments: --nonsense"),
        (("--health", "status"), "unrecognized arguments: --health"),
        (("--interval", "0", "status"), "'0' is not a number of seconds"),
        (("--interval", "soon", "status"), "'soon' is not a number of seconds"),
        (("--agents", " , ", "check"), "name at least one agent"),
        (("--log-level", "loud", "run"), "invalid choice: 'loud'"),
        (("--health-check", "--dashboard"), "--health-check and --dashboard do not go together"),
        (("--health-check", "status"), "unrecognized arguments: status"),
        (("status", "--", "ls"), "status takes no command after --"),
        (("hold", "mailer", "--for", "long"), "'long' is not a duration"),
        (("hold", "mailer", "--for", "0s"), "a length of time over 0"),
        (("events", "--since", "monday"), "'monday' is neither a length of time"),
        (("silence",), "required: ACTION"),
        (("why",), "required: AGENT"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_64(command: Command, words: tuple[str, ...], text: str) -> None:
    said = command(*words)
    assert (said.code, said.out) == (64, "")
    assert text in said.err
    assert said.err.startswith("collections-supervisor: ")
    assert said.err.count("\n") == 1
    as_json = command("--json", *words)
    assert as_json.code == 64
    assert as_json.err == f"collections-supervisor: {as_json.json['error']}\n"
    assert as_json.json["exit_code"] == 64


def test_a_flag_of_the_command_behind_the_dashes_is_not_ours(command: Command) -> None:
    said = command("beat", "job", "--kind", "ok", "--", "ls", "--json")
    assert (said.code, said.out) == (64, "")


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--agents", "watcher", "--json"),
        ("--agents", "watcher", "--json", "check"),
        ("--json", "check", "--agents=watcher"),
        ("--health-check", "--agents", "watcher", "--json"),
        ("--agents", " watcher ,", "--json", "--health-check"),
    ],
)
def test_flags_stand_before_or_after_and_the_originals_still_work(
    served: Served, command: Command, words: tuple[str, ...]
) -> None:
    said = command(*words)
    assert said.code == 2
    assert [one["name"] for one in said.json["agents"]] == ["watcher"]
    assert served.control.asked == [("check", "watcher")]


@pytest.mark.parametrize(
    "words",
    [
        ("why", "mailer"),
        ("incidents",),
        ("events",),
        ("events", "-f"),
    ],
)
def test_questions_without_a_daemon_are_unknown(command: Command, place: Place, words: tuple[str, ...]) -> None:
    said = command(*words)
    assert (said.code, said.out) == (3, "")
    assert said.err == f"collections-supervisor: {place.silent}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("ack", "1234"),
        ("hold", "mailer"),
        ("release", "mailer"),
        ("restart", "mailer"),
        ("reload",),
        ("silence", "list"),
        ("silence", "end", "1"),
        ("silence", "add", "x", "--for", "1h", "--comment", "why"),
    ],
)
def test_acts_without_a_daemon_are_unavailable(command: Command, place: Place, words: tuple[str, ...]) -> None:
    said = command(*words)
    assert (said.code, said.out) == (69, "")
    assert str(place.socket) in said.err
    said = command(*words, "--json")
    assert said.json == {"error": place.silent, "exit_code": 69}


def test_status_loads_nothing_that_it_does_not_need(served: Served, place: Place) -> None:
    script = (
        "import sys; from supervisor.__main__ import main; main(['status']); "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    environ = plain.environ()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ)
    assert "watcher" in done.stdout
    loaded = set(done.stderr.split())
    heavy = {"aiohttp", "asyncio", "jinja2", "msgspec", "pydantic", "rich", "structlog", "watchfiles"}
    heavy |= {"dataclasses", "decimal", "email", "importlib_metadata", "inspect", "ssl", "subprocess", "tomllib"}
    assert not loaded & heavy
    modules = subprocess.run(
        [sys.executable, "-c", script.replace(".partition('.')[0]", "")],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    own = {name for name in modules.stderr.split() if name.startswith("supervisor.")}
    assert not {name for name in own if name.startswith(("supervisor.faces", "supervisor.runtime"))}


def test_what_is_too_long_for_a_terminal_goes_on_below(served: Served) -> None:
    agents = served.control.agents
    agents["mailer"] = replace(
        agents["mailer"], reason="a reason that is longer than the line may be", last_heartbeat=None
    )
    agents["watcher"] = replace(agents["watcher"], reason=60 * "x", last_heartbeat=None)
    shown = on_a_terminal(("status",), COLUMNS="60").decode().replace("\r\n", "\n")
    assert re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()[1:] == [
        "✔ healthy    mailer   a reason that is longer than the line",
        "                      may be",
        "✖ escalated  watcher  " + 60 * "x",
    ]


def test_colours_on_a_terminal_only(served: Served) -> None:
    assert b"\x1b[" in on_a_terminal(("status",))
    assert b"\x1b[" not in on_a_terminal(("status",), NO_COLOR="1")
    assert b"\x1b[" not in on_a_terminal(("status",), TERM="dumb")
    piped = subprocess.run([*PYTHON, "status"], capture_output=True, check=False)
    assert b"\x1b[" not in piped.stdout
    assert b"escalated" in piped.stdout


def test_text_that_agents_wrote_can_not_move_the_cursor(command: Command, served: Served) -> None:
    evil = "\x1b[2J\x9b1mgone\r\n\u202e[red]"
    served.control.agents["mailer"] = replace(served.control.agents["mailer"], reason=evil)
    said = command("status")
    line = next(line for line in said.out.splitlines() if "mailer" in line)
    assert line.isprintable()
    assert "[red]" in line
    shown = on_a_terminal(("status",))
    assert b"\x1b[2J" not in shown
    assert b"[red]" in shown


def test_a_broken_pipe_is_quiet(served: Served) -> None:
    for number in range(5000):
        served.call(served.control.record, "gate_closed", reason=f"reason {number}")
    with subprocess.Popen(
        [*PYTHON, "events", "--limit", "5000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 141


def test_ctrl_c_is_quiet(served: Served, control: MemoryControl) -> None:
    served.call(control.record, "gate_opened", seconds=1.0)
    with subprocess.Popen([*PYTHON, "events", "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"decisions are taken again" in process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == b""


def test_a_fault_of_ours_does_not_pass_for_a_warning(
    command: Command, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(EXIT, "critical")
    said = command("check")
    assert said.code == 70
    assert "KeyError: 'critical'" in said.err
    assert command("check", "--json").json == {"error": "KeyError: 'critical'", "exit_code": 70}


def test_standard_output_may_be_closed(served: Served) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *PYTHON, "status"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "")


# --- help ----------------------------------------------------------------------------------------------


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("name", _main._ORDER)
def test_every_command_has_examples_that_can_be_typed(command: Command, narrow: None, name: str) -> None:
    help_ = command(name, "--help").out
    assert all(len(line) <= 80 for line in help_.splitlines()), help_
    examples = [line.strip() for line in help_.partition("examples:\n")[2].partition("\n\n")[0].splitlines()]
    assert examples
    for example in examples:
        program, *words = shlex.split(re.split(r"  +\(| [|>] ", example)[0])
        assert program == PROGRAM
        assert name in {_main.FLAGS.get(word, word) for word in words}, example
        typed, _ = _main._split(words)
        _main._parser(typed).parse_args(_main._translated(_main._parser(typed), typed))


def test_no_help_breaks_its_own_lines_on_a_terminal_of_80_columns() -> None:
    parser = whole_parser()
    (commands,) = (action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for one in (parser, *commands.values()):
        assert [line for line in (one.epilog or "").splitlines() if len(line) > 78] == [], one.prog


def test_no_command_is_missing_in_the_order_of_the_help() -> None:
    assert set(_main._wanted(["--help"])) == set(_main._ORDER)
