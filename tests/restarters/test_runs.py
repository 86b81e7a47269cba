from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.restarters import _runs
from supervisor.restarters._processes import Process, look, members


@pytest.fixture
def session() -> Iterator[int]:
    """The number of a session with two members: a shell that leads it, and its child."""
    shell = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo up; wait"], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    assert shell.stdout
    assert shell.stdout.readline() == "up\n"
    yield shell.pid
    for process in members(shell.pid):
        os.kill(process.pid, 9)
    shell.communicate()


def made(folder: Path, pid: int, number: int = 1, *, older: int = 0, boot: str | None = None) -> _runs.Claim:
    process = look(pid)
    assert process
    claim = _runs.Claim(number, number, pid, process.start - older, boot or _runs.this_boot(), "gate")
    path = folder / f"run-{number}.claim"
    path.unlink(missing_ok=True)
    path.symlink_to(_runs.words(claim))
    return claim


def test_the_first_claim_wins(tmp_path: Path) -> None:
    mine = _runs.claim(tmp_path, 3, attempt=7, gate="gate")
    assert not _runs.claim(tmp_path, 3, attempt=8, gate="gate")
    me = look(os.getpid())
    assert me
    assert mine == _runs.Claim(3, 7, me.pid, me.start, _runs.this_boot(), "gate")
    assert _runs.claims(tmp_path) == [mine]
    assert [path.name for path in tmp_path.iterdir()] == ["run-3.claim"], "no draft is left"


def test_who_slept_through_its_run_does_not_do_it_later(tmp_path: Path) -> None:
    assert _runs.claim(tmp_path, 9, attempt=9, gate="gate")
    assert not _runs.claim(tmp_path, 8, attempt=8, gate="gate")
    assert _runs.numbers(tmp_path) == [9]


def test_numbers_are_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 2):
        (tmp_path / f"run-{number}.claim").touch()
    assert _runs.numbers(tmp_path) == [2, 9, 10]
    assert _runs.numbers(tmp_path / "none") == []


def test_forgetting_leaves_other_runs(tmp_path: Path) -> None:
    for name in ("run-1.claim", "run-1.00ff00ff.gate", "run-1.result", "run-1.99.tmp", "run-11.claim", "output.log"):
        (tmp_path / name).touch()
    _runs.forget(tmp_path, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"run-11.claim", "output.log"}


def test_a_session_belongs_to_its_run_while_its_leader_lives(tmp_path: Path, session: int) -> None:
    claim = made(tmp_path, session)
    assert {process.pid for process in _runs.living(tmp_path, claim)} > {session}
    assert len(_runs.living(tmp_path, claim)) == 2


def test_a_session_of_another_time_is_a_strangers(tmp_path: Path, session: int) -> None:
    assert _runs.living(tmp_path, made(tmp_path, session, older=1)) == []
    assert _runs.living(tmp_path, made(tmp_path, session, boot="another")) == []


def test_after_its_leader_a_session_is_known_by_who_was_left(tmp_path: Path, session: int) -> None:
    claim = made(tmp_path, session)
    (child,) = (process for process in members(session) if process.pid != session)
    os.kill(session, 9)
    while look(session):
        pass
    assert _runs.living(tmp_path, claim) == [child], "broken off: nobody wrote who was left"
    _runs.settle(tmp_path, claim, {"ok": True})
    assert _runs.result(tmp_path, 1) == {"ok": True, "left": [list(child)]}
    assert _runs.living(tmp_path, claim) == [child]
    _runs.note(tmp_path, 1, {"ok": True, "left": [[child.pid, child.start - 1], [1, 1]]})
    assert _runs.living(tmp_path, claim) == [], "none of those who were left is among them"


def test_only_what_became_the_agent_runs(tmp_path: Path, session: int) -> None:
    claim = made(tmp_path, session)
    assert _runs.running(tmp_path) is None, "still at work"
    _runs.note(tmp_path, 1, {"ok": True})
    assert _runs.running(tmp_path) == claim
    (tmp_path / "run-2.claim").touch()
    assert _runs.running(tmp_path) == claim, "a run that came to nothing hides it not"
    _runs.settle(tmp_path, claim, {"ok": True})
    assert _runs.running(tmp_path) is None
    made(tmp_path, session, 3, older=5)
    _runs.note(tmp_path, 3, {"ok": True})
    assert _runs.running(tmp_path) is None


def test_a_result_that_is_torn_is_none(tmp_path: Path) -> None:
    (tmp_path / "run-1.result").write_text('{"ok": tr')
    assert _runs.result(tmp_path, 1) is None
    (tmp_path / "run-1.claim").write_text("")
    assert _runs.claims(tmp_path) == [_runs.Claim(1, _runs.NOBODY, 0, 0, "", "")]


def test_a_process_is_a_pair(session: int) -> None:
    assert all(isinstance(process, Process) for process in members(session))
