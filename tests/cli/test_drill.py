from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.cli import drill
from supervisor.cli.drills import _drill
from supervisor.cli.drills._drill import Drill
from supervisor.cli.drills._rehearsal import Rehearsed
from supervisor.cli.drills._step import MissingError, Step, within
from tests.cli.conftest import Command

FAULTS = {
    *(
        "kill",
        "freeze",
        "silent",
        "fail",
        "future",
        "torn",
        "overflow",
        "root",
        "channel",
        "crash",
        "journal",
        "config",
    ),
}
GOOD = Step("the sun rises", "it rose", agrees=True)
BAD = Step("the moon stays", "it went", agrees=False)


def test_each_fault_is_listed_with_what_is_done(command: Command) -> None:
    said = command("drill", "--list")
    assert said.code == 0
    assert {line.split()[0] for line in said.out.splitlines()} == FAULTS
    document = command("drill", "--list", "--json").json
    assert {fault["name"] for fault in document["faults"]} == FAULTS
    assert all(fault["about"] for fault in document["faults"])
    assert command("drill", "--list", "kill", "--json").json["faults"] == [
        fault for fault in document["faults"] if fault["name"] == "kill"
    ]


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


def test_asking_for_help_brings_no_rehearsal_along() -> None:
    code = "import sys, supervisor.cli.drill; print(sorted(name for name in sys.modules if 'drills' in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


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
    drill._show([rehearsed("rise", GOOD, GOOD)], None, 2.0, as_json=False)
    head, first, second, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["FAULT", "TOOK", "EXPECTED", "GOT"]
    assert re.split(" {2,}", first) == ["rise", "1.2 s", "the sun rises", "✔ it rose"]
    assert second.split() == ["the", "sun", "rises", "✔", "it", "rose"]
    assert last == "1 fault, all as expected; 2 s"


def test_what_came_otherwise_is_named_with_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    drill._show([rehearsed("rise", GOOD), rehearsed("stay", BAD)], Path("/tmp/kept"), 2.0, as_json=False)
    out = capsys.readouterr().out
    assert "✖ it went" in out
    assert "1 of 2 faults came otherwise: stay" in out
    assert "/tmp/kept" in out.splitlines()[-1]


def test_only_what_differs_is_kept(tmp_path: Path) -> None:
    for name in ("rise", "stay"):
        (tmp_path / "drill" / name / "cache").mkdir(parents=True)
    assert drill._tidy(tmp_path / "drill", {"stay"}) == tmp_path / "drill"
    assert [path.name for path in (tmp_path / "drill").iterdir()] == ["stay"]
    assert drill._tidy(tmp_path / "drill", set()) is None
    assert list(tmp_path.iterdir()) == []
