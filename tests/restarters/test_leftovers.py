"""What restarts have left of agents that nobody watches any more."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.restarters import _runs
from supervisor.restarters._leftovers import clear
from supervisor.restarters._processes import look

HOUR = 3600.0


def left(folder: Path, name: str, *, pid: int = 0, start: int = 0, age: float = HOUR) -> Path:
    """Write a run of an agent, done by that process so long (s) ago."""
    place = folder / name
    place.mkdir(parents=True)
    claim = _runs.Claim(1, 1, pid, start, _runs.this_boot(), "gate")
    (place / "run-1.claim").symlink_to(_runs.words(claim))
    (place / "run-1.result").write_text('{"ok": true, "left": []}')
    at = time.time() - age
    for path in (*place.iterdir(), place):
        os.utime(path, (at, at), follow_symlinks=False)
    return place


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_old_ones_of_agents_that_nobody_watches_go(tmp_path: Path) -> None:
    for name in ("watched", "gone"):
        left(tmp_path, name)
    left(tmp_path, "just gone", age=60.0)
    (tmp_path / "a file").touch()
    clear(tmp_path, {"watched"}, time.time() - HOUR / 2)
    assert names(tmp_path) == ["a file", "just gone", "watched"]


def test_one_that_was_written_to_lately_stays(tmp_path: Path) -> None:
    (left(tmp_path, "gone") / "run-1.result").touch()
    clear(tmp_path, (), time.time() - HOUR / 2)
    assert names(tmp_path) == ["gone"]


def test_one_of_which_something_lives_stays_until_that_ends(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as program:
        process = look(program.pid)
        assert process
        left(tmp_path, "gone", pid=process.pid, start=process.start)
        clear(tmp_path, (), time.time() - HOUR / 2)
        assert names(tmp_path) == ["gone"]
        program.kill()
    clear(tmp_path, (), time.time() - HOUR / 2)
    assert names(tmp_path) == []


def test_where_nothing_was_ever_restarted_there_is_nothing_to_clear(tmp_path: Path) -> None:
    clear(tmp_path / "agents", (), time.time())
    assert names(tmp_path) == []


def test_one_that_can_not_be_read_keeps_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        left(tmp_path, name)
    listing = Path.iterdir

    def listed(folder: Path) -> Iterator[Path]:
        if folder.name in {"a", "b"}:
            raise PermissionError(13, "Permission denied", str(folder))
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", listed)
    clear(tmp_path, (), time.time() - HOUR / 2)
    monkeypatch.undo()
    assert names(tmp_path) == ["a", "b"]


def test_what_vanishes_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = left(tmp_path, "gone")
    listed = list(place.iterdir())
    (place / "run-1.claim").unlink()
    at = time.time() - HOUR
    os.utime(place, (at, at))
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(listed if self == place else [place]))
    clear(tmp_path, (), time.time() - HOUR / 2)
    assert not place.exists()
