from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.cli import drill
from supervisor.cli.drills import _drill
from supervisor.cli.drills._drill import Drill
from supervisor.cli.drills._rehearsal import Rehearsed
from supervisor.cli.drills._step import MissingError, Step, within
from tests.cli.conftest import Command, Place
from tests.support.control import MemoryControl
from tests.support.served import Served

VISITS = {"fail", "future", "miss", "stale", "torn"}
FAULTS = VISITS | {
    *(
        "kill",
        "freeze",
        "silent",
        "clock",
        "overflow",
        "root",
        "disk",
        "channel",
        "crash",
        "journal",
        "ledger",
        "config",
    )
}
GOOD = Step("the sun rises", "it rose", agrees=True)
BAD = Step("the moon stays", "it went", agrees=False)
CLOUDS = Step("the stars shine", "not possible here: clouds", agrees=None)


def test_each_fault_is_listed_with_what_is_done(command: Command) -> None:
    said = command("drill", "--list")
    assert said.code == 0
    assert {line.split()[0] for line in said.out.splitlines()} == FAULTS
    document = command("drill", "--list", "--json").json
    assert {fault["name"] for fault in document["faults"]} == FAULTS
    assert all(fault["about"] for fault in document["faults"])
    assert {fault["name"] for fault in document["faults"] if fault["live"]} == VISITS
    assert command("drill", "--list", "kill", "--json").json["faults"] == [
        fault for fault in document["faults"] if fault["name"] == "kill"
    ]
    live = command("drill", "--list", "--live", "--json").json
    assert live["faults"] == [fault for fault in document["faults"] if fault["live"]]


def test_each_fault_is_a_file_that_can_be_rehearsed() -> None:
    assert {name: inspect.isasyncgenfunction(one.rehearse) for name, one in _drill.every().items()} == dict.fromkeys(
        FAULTS, True
    )


def test_what_is_no_fault_is_wrong_usage(command: Command) -> None:
    said = command("drill", "kill", "flood")
    assert (said.code, said.out) == (64, "")
    assert said.err.count("\n") == 1
    assert "no fault is called flood" in said.err
    assert "overflow" in said.err


def test_what_would_touch_more_than_an_agent_is_not_for_a_running_daemon(command: Command) -> None:
    said = command("drill", "--live", "fail", "kill")
    assert (said.code, said.out) == (64, "")
    assert "kill is not for a running daemon; there are fail, future, miss, stale, torn" in said.err


def test_without_a_daemon_there_is_nothing_live(command: Command, place: Place) -> None:
    said = command("drill", "--live")
    assert (said.code, said.out) == (69, "")
    assert place.silent in said.err


def test_while_the_daemon_doubts_itself_it_is_not_rehearsed(
    command: Command, served: Served, control: MemoryControl
) -> None:
    control.doubts = ("clock_stepped", "loop_stalled")
    said = command("drill", "--live")
    assert (said.code, said.out) == (1, "")
    assert "the gate is closed (clock stepped, loop stalled)" in said.err
    assert control.asked == []


def test_where_no_heartbeat_can_be_written_nothing_is_rehearsed(
    command: Command, served: Served, control: MemoryControl
) -> None:
    said = command("drill", "--live")
    assert (said.code, said.out) == (73, "")
    assert "no heartbeat can be written in /c/heartbeats" in said.err
    assert control.asked == []


def test_asking_for_help_brings_no_rehearsal_along() -> None:
    code = "import sys, supervisor.cli.drill; print(sorted(name for name in sys.modules if 'drills' in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_where_a_socket_s_path_would_be_too_long_nothing_is_rehearsed(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    said = command("drill", "kill")
    assert (said.code, said.out) == (73, "")
    assert re.search(rf"{long} is \d+ bytes too long for a socket in it: set a shorter \$TMPDIR", said.err)
    assert list(long.iterdir()) == []


@pytest.mark.parametrize(
    ("late", "agrees", "got"),
    [
        (0.1, True, "after 0.10 s"),
        (-0.01, True, "after 0.00 s"),
        (0.51, False, "after 0.51 s"),
        (-0.2, False, "0.20 s too early"),
    ],
)
def test_at_once_is_neither_late_nor_early(late: float, agrees: bool, got: str) -> None:
    assert within("a miss", late) == Step("a miss within 0.5 s", got, agrees)


def test_what_never_came_differs() -> None:
    assert MissingError("a beat", "not within 3 s").step == Step("a beat", "not within 3 s", agrees=False)


# --- what is printed ---------------------------------------------------------------------------------


def rehearsed(name: str, *steps: Step) -> Rehearsed:
    return Rehearsed(Drill(name, f"{name} it", lambda _: None), steps, 1.25)  # type: ignore[arg-type, return-value]


def test_the_table_says_expected_got_and_took(capsys: pytest.CaptureFixture[str]) -> None:
    steps = (replace(GOOD, seconds=1.04), replace(GOOD, seconds=0.26))
    assert drill._show([rehearsed("rise", *steps)], 2.0, as_json=False) == 0
    head, first, second, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["FAULT", "TOOK", "EXPECTED", "GOT"]
    assert re.split(" {2,}", first) == ["rise", "1.0 s", "the sun rises", "✔ it rose"]
    assert second.split() == ["0.3", "s", "the", "sun", "rises", "✔", "it", "rose"]
    assert last == "1 fault, all as expected; 2 s"


def test_what_came_otherwise_is_named_with_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    done = [rehearsed("rise", GOOD), rehearsed("stay", BAD), rehearsed("shine", CLOUDS)]
    assert drill._show(done, 2.0, kept=Path("/tmp/kept"), as_json=False) == 1
    out = capsys.readouterr().out
    assert "✖ it went" in out
    assert "1 of 2 faults came otherwise: stay; not possible here: shine" in out
    assert "/tmp/kept" in out.splitlines()[-1]


def test_what_is_not_possible_here_is_shown_and_is_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    done = [rehearsed("rise", GOOD), rehearsed("shine", CLOUDS)]
    assert drill._show(done, 2.0, as_json=False) == 0
    out = capsys.readouterr().out
    assert "- not possible here: clouds" in out
    assert out.splitlines()[-1] == "1 fault, all as expected; not possible here: shine; 2 s"


def test_the_document_has_a_stable_shape(capsys: pytest.CaptureFixture[str]) -> None:
    done = [rehearsed("stay", replace(GOOD, seconds=0.1), BAD, CLOUDS)]
    assert drill._show(done, 2.0, kept=Path("/tmp/kept"), as_json=True) == 1
    steps = [
        {"expected": "the sun rises", "got": "it rose", "agrees": True, "seconds": 0.1},
        {"expected": "the moon stays", "got": "it went", "agrees": False, "seconds": 0.0},
        {"expected": "the stars shine", "got": "not possible here: clouds", "agrees": None, "seconds": 0.0},
    ]
    assert json.loads(capsys.readouterr().out) == {
        "agrees": False,
        "seconds": 2.0,
        "daemon": None,
        "folder": "/tmp/kept",
        "faults": [{"name": "stay", "about": "stay it", "agrees": False, "seconds": 1.25, "steps": steps}],
    }
    assert drill._show([rehearsed("rise", GOOD)], 2.0, daemon=Path("/run/x.sock"), as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["agrees"], document["daemon"], document["folder"]) == (True, "/run/x.sock", None)


def test_only_what_differs_is_kept(tmp_path: Path) -> None:
    for name in ("rise", "stay"):
        (tmp_path / "drill" / name / "cache").mkdir(parents=True)
    assert drill._tidy(tmp_path / "drill", {"stay"}) == tmp_path / "drill"
    assert [path.name for path in (tmp_path / "drill").iterdir()] == ["stay"]
    assert drill._tidy(tmp_path / "drill", set()) is None
    assert list(tmp_path.iterdir()) == []
