"""`reconcile --fix`: the plan, and with `--yes` the mending."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Place, edit


def test_without_yes_the_plan_is_shown_and_nothing_changed(command: Command, sample: Path) -> None:
    ledger = sample / "collections_ledger.md"
    wrong = edit(ledger, "$153484.23", "$153484.32")
    said = command("reconcile", "--fix")
    assert said.code == 1
    assert (
        said.out
        == f"""\
--- {ledger}
+++ {ledger}
@@ -48,6 +48,6 @@
 - `INV-2026-07017` | $8,000.00 | 14 days overdue | Escalated: 2026-02-11 | Status: escalated
 ## Summary
 - **Unpaid Total:** $681398.27
-- **Paid Total:** $153484.32
+- **Paid Total:** $153484.23
 - **Escalated Total:** $8600.00
 - **Grand Total:** $843482.50
1 total would be mended; nothing is changed without --yes
"""
    )
    assert ledger.read_bytes() == wrong
    assert not list(sample.glob("*.bak*"))


def test_with_yes_it_is_done(command: Command, sample: Path) -> None:
    ledger = sample / "collections_ledger.md"
    right = ledger.read_bytes()
    edit(ledger, "$153484.23", "$153484.32")
    wrong = edit(ledger, "$843482.50", "soon")
    said = command("reconcile", "--fix", "--yes")
    assert (said.code, said.err) == (0, "")
    (backup,) = sample.glob("*.bak-*")
    assert said.out.endswith(f"2 totals mended, and checked again\nthe ledger as it was: {backup}\n")
    assert (ledger.read_bytes(), backup.read_bytes()) == (right, wrong)
    assert command("reconcile").code == 0
    said = command("reconcile", "--fix", "--yes")
    assert said.out == f"nothing to mend: the totals of {ledger} are the sums of its entries\n"
    assert said.code == 0
    assert list(sample.glob("*.bak-*")) == [backup]


def test_the_mending_as_json(command: Command, sample: Path, tmp_path: Path) -> None:
    ledger = sample / "collections_ledger.md"
    untouched = command("reconcile", "--fix", "--json")
    assert (untouched.code, untouched.json) == (
        0,
        {"ledger": str(ledger), "mended": False, "changes": [], "diff": "", "backup": None},
    )
    edit(ledger, "$153484.23", "$153484.32")
    edit(ledger, "$843482.50", "soon")
    planned = command("reconcile", "--fix", "--json")
    assert planned.code == 1
    assert planned.json["changes"] == [
        {"total": "paid", "line": 51, "expected": "153484.23", "found": "153484.32"},
        {"total": "grand", "line": 53, "expected": "843482.50", "found": None},
    ]
    report = tmp_path / "report.json"
    done = command("reconcile", "--fix", "--yes", "--json", "--output", str(report))
    assert done.code == 0
    assert done.json == json.loads(report.read_text("utf-8"))
    (backup,) = sample.glob("*.bak-*")
    assert done.json == planned.json | {"mended": True, "backup": str(backup)}


def test_yes_alone_is_wrong_usage(command: Command) -> None:
    said = command("reconcile", "--yes")
    assert (said.code, said.out) == (64, "")
    assert "--yes goes with --fix" in said.err


def test_while_the_agents_write_nothing_is_mended(command: Command, sample: Path, place: Place) -> None:
    ledger = sample / "collections_ledger.md"
    wrong = edit(ledger, "$153484.23", "$153484.32")
    edit(place.home / ".config" / "collections-supervisor" / "config.toml", 'settle = "0s"', 'settle = "30s"')
    said = command("reconcile", "--fix", "--yes")
    assert (said.code, said.out) == (1, "")
    assert f"nothing was changed: the agents are at work: {ledger} changed" in said.err
    assert ledger.read_bytes() == wrong
    assert command("reconcile", "--fix").code == 1  # to look is always allowed


def test_a_torn_ledger_is_not_mended(command: Command, sample: Path) -> None:
    ledger = sample / "collections_ledger.md"
    torn = ledger.read_bytes()[:1000]
    ledger.write_bytes(torn)
    for words in (("--fix",), ("--fix", "--yes", "--json")):
        said = command("reconcile", *words)
        assert said.code == 3
        assert "can not be read whole" in said.err
        assert "the last line is unfinished" in said.err
    assert ledger.read_bytes() == torn


def test_a_ledger_that_can_not_be_replaced_is_said(
    command: Command, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = edit(sample / "collections_ledger.md", "$153484.23", "$153484.32")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    said = command("reconcile", "--fix", "--yes")
    assert (said.code, said.out) == (74, "")
    assert "nothing was changed" in said.err
    assert "No space left on device" in said.err
    assert (sample / "collections_ledger.md").read_bytes() == wrong


@pytest.mark.parametrize(
    ("meanwhile", "code", "words"),
    [
        (lambda ledger: edit(ledger, "$153484.23", "$1.00"), 1, ("mended, and wrong again", "line 51: the entries")),
        (lambda ledger: ledger.unlink(), 3, ("mended, but not checked: there is no ledger",)),
    ],
)
def test_what_happens_to_a_mended_ledger_at_once_is_said(
    command: Command,
    sample: Path,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Path], object],
    code: int,
    words: tuple[str, ...],
) -> None:
    ledger = sample / "collections_ledger.md"
    edit(ledger, "$153484.23", "$153484.32")
    replace_ = Path.replace

    def replaced(path: Path, target: Path) -> Path:
        result = replace_(path, target)
        if target == ledger:
            meanwhile(ledger)
        return result

    monkeypatch.setattr(Path, "replace", replaced)
    said = command("reconcile", "--fix", "--yes")
    assert (said.code, said.out) == (code, "")
    for word in (*words, "the ledger as it was: "):
        assert word in said.err
    assert len(list(sample.glob("*.bak-*"))) == 1
