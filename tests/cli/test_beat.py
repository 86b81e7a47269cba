from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from supervisor.formats.heartbeat import parse_document, parse_lines
from tests.cli.conftest import PYTHON, Command, Place


def beat_of(place: Place, name: str = "job") -> dict[str, Any]:
    document = (place.heartbeats / f"{name}.json").read_bytes()
    assert parse_document(document, received=time.time()).bad == ()
    found: dict[str, Any] = json.loads(document)
    return found


def beat(*words: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PYTHON, "beat", *words], capture_output=True, text=True, check=False, timeout=30, **how)


def test_a_beat_is_written_without_a_daemon(command: Command, place: Place) -> None:
    said = command("beat", "job", "--message", "all well")
    assert (said.code, said.out, said.err) == (0, "", "")
    found = beat_of(place)
    assert (found["kind"], found["message"], found["incarnation"]) == ("ok", "all well", None)
    assert command("beat", "job", "--kind", "fail", "--json").json == {
        "agent": "job",
        "kind": "fail",
        "directory": str(place.heartbeats),
    }
    assert beat_of(place)["kind"] == "fail"


def test_a_log_is_no_beat(command: Command, place: Place) -> None:
    assert command("beat", "job", "--kind", "log", "--message", "half way").code == 0
    parsed = parse_lines((place.heartbeats / "job.log").read_bytes(), received=time.time())
    assert [log.message for log in parsed.logs] == ["half way"]
    assert parsed.beats == ()


def test_the_process_of_a_beat_is_the_caller(place: Place) -> None:
    beat("job")
    assert beat_of(place)["pid"] == os.getpid()


def test_beats_go_where_the_configuration_and_the_flags_say(command: Command, place: Place, tmp_path: Path) -> None:
    place.config('[paths]\nheartbeats = "elsewhere"\n')
    assert command("beat", "job").code == 0
    assert (place.home / ".config" / "collections-supervisor" / "elsewhere" / "job.json").exists()
    place.config("")
    assert command("beat", "job", "--cache-dir", str(tmp_path / "cache")).code == 0
    assert (tmp_path / "cache" / "heartbeats" / "job.json").exists()


@pytest.mark.parametrize("name", ["../job", "", "-x/y", "a b", "x" * 65])
def test_what_can_not_name_an_agent_is_refused(command: Command, place: Place, name: str) -> None:
    said = command("beat", name) if not name.startswith("-") else command("beat", f"./{name}")
    assert said.code == 64
    assert "cannot name an agent" in said.err
    assert not place.heartbeats.exists()


def test_a_heartbeat_that_can_not_be_written_is_said(command: Command, place: Place) -> None:
    place.heartbeats.parent.mkdir(parents=True)
    place.heartbeats.write_text("a file, where a folder should be")
    said = command("beat", "job")
    assert said.code == 74
    assert "the heartbeat can not be written" in said.err


# --- with a command ----------------------------------------------------------------------------------


def test_a_command_that_ends_well(place: Place) -> None:
    script = f"import json; print(json.load(open({str(place.heartbeats / 'job.json')!r}))['kind'])"
    done = beat("job", "--message", "nightly", "--", sys.executable, "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "start\n", "")
    found = beat_of(place)
    assert (found["kind"], found["message"], found["seq"]) == ("ok", "nightly", 2)
    assert found["incarnation"]


def test_a_command_that_fails_gives_its_exit_code(place: Place) -> None:
    done = beat("job", "--", sys.executable, "-c", "raise SystemExit(7)")
    assert done.returncode == 7
    assert (beat_of(place)["kind"], beat_of(place)["message"]) == ("fail", "exit code 7")


def test_a_command_that_a_signal_ends(place: Place) -> None:
    done = beat("job", "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
    assert done.returncode == 137
    assert beat_of(place)["message"] == "ended by SIGKILL"


def test_a_command_that_is_not_there_or_can_not_run(place: Place, tmp_path: Path) -> None:
    done = beat("job", "--", "no-such-command-here")
    assert (done.returncode, done.stderr) == (127, "collections-supervisor: no-such-command-here: not found\n")
    assert beat_of(place)["kind"] == "fail"
    plain = tmp_path / "plain"
    plain.write_text("text")
    done = beat("job", "--", str(plain))
    assert done.returncode == 126
    assert "Permission denied" in beat_of(place)["message"]


def test_a_command_runs_even_where_no_heartbeat_can_be_written(place: Place) -> None:
    place.heartbeats.parent.mkdir(parents=True)
    place.heartbeats.write_text("a file, where a folder should be")
    done = beat("job", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr.count("the heartbeat can not be written") == 2


def test_json_comes_after_what_the_command_says(place: Place) -> None:
    done = beat("job", "--json", "--", "echo", "--json")
    said, _, document = done.stdout.partition("\n")
    assert said == "--json"
    found = json.loads(document)
    assert found.pop("seconds") >= 0
    assert found == {"agent": "job", "command": ["echo", "--json"], "exit_code": 0}


def test_standard_input_is_the_commands(place: Place) -> None:
    assert beat("job", "--", "cat", input="through").stdout == "through"


def test_a_command_is_needed_behind_the_dashes(command: Command) -> None:
    assert command("beat", "job", "--").code == 64
    assert command("beat", "job", "--kind", "ok", "--", "true").code == 64


_TALKER = """
import signal, sys, time
def told(number, frame):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        raise SystemExit(5)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, told)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


def test_signals_are_handed_on(place: Place) -> None:
    with subprocess.Popen(
        [*PYTHON, "beat", "job", "--", sys.executable, "-c", _TALKER], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
            assert process.stdout.readline() == f"{number.name}\n"
        assert process.wait(20) == 5
    assert beat_of(place)["message"] == "exit code 5"


def test_ctrl_c_on_a_terminal_reaches_the_command_once(place: Place) -> None:
    ours, theirs = pty.openpty()

    def seen(text: bytes, before: bytes = b"") -> bytes:
        while text not in before:
            before += os.read(ours, 4096)
        return before

    with subprocess.Popen(
        [*PYTHON, "beat", "job", "--", sys.executable, "-c", _TALKER],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(theirs), os.O_RDWR)),  # noqa: PLW1509 - no threads here
    ) as process:
        os.close(theirs)
        seen(b"ready")
        os.write(ours, b"\x03")
        shown = seen(b"SIGINT")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        shown = seen(b"SIGTERM", shown)
        assert process.wait(20) == 5
    os.close(ours)
    assert shown.count(b"SIGINT") == 1
