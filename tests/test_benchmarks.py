"""The benchmarks' command: it works, and its table is well-formed. What they measure is no test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import table
from tests.benchmarks.__main__ import names
from tests.benchmarks.table import Row

ROOT = Path(__file__).parents[1]
MET = Row("a beat", "1 us", "a floor 2 us", 0.5, "at most 1 x", holds=True, note="not said")
MISSED = Row("a | b", "3 us", "a floor 2 us", 1500.0, "at most 1 x", holds=False, note="by design")
ALONE = Row("CPU", "1 %", "monit: not installed", None, "at most 1 x", holds=None)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.benchmarks", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_prints_one_well_formed_table_and_writes_json(tmp_path: Path) -> None:
    done = run("--quick", "--json", str(tmp_path / "rows.json"), "rearm", "status")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    document = json.loads((tmp_path / "rows.json").read_text())
    assert document["quick"] is True
    assert [row["what"] for row in document["rows"]] == [line.split(" | ")[0][2:] for line in lines[2:]]
    assert all(row["ratio"] > 0 and row["holds"] in {True, False} for row in document["rows"])


def test_a_name_that_is_none_is_refused_and_the_names_are_said() -> None:
    done = run("no-such")
    assert done.returncode == 2
    assert "no benchmark no-such; there are " + ", ".join(names()) in done.stderr


def test_the_table_says_plainly_what_holds_and_notes_why_not() -> None:
    text = table.markdown([MET, MISSED, ALONE])
    assert "| a beat | 1 us | a floor 2 us | 0.50 x | at most 1 x | yes |" in text
    assert "| a \\| b | 3 us | a floor 2 us | 1,500 x | at most 1 x | **NO** |" in text
    assert "| CPU | 1 % | monit: not installed | - | at most 1 x | not measured |" in text
    assert text.endswith("\n\n- a | b: by design\n")


def test_the_table_goes_between_its_markers_however_often() -> None:
    once = table.placed("before\n<!-- benchmarks -->\n\nafter\n", "table\n")
    assert once == "before\n<!-- benchmarks -->\ntable\n<!-- /benchmarks -->\n\nafter\n"
    assert table.placed(once, "new\n") == once.replace("table", "new")


def test_a_page_without_a_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no <!-- benchmarks -->"):
        table.placed("page", "table\n")


def test_the_readme_has_the_place_for_it() -> None:
    assert table.START in (ROOT / "README.md").read_text()
