"""A log is read on through rotations of every kind: each line is handed out once, and none is left out."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from supervisor.filesystem import RealFiles
from supervisor.ports import FileTail, NotRegularError
from supervisor.runtime import logtail
from supervisor.runtime.logtail import LogTail


class Log:
    """A log in a folder, its writer, whoever rotates it, and its reader."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "error.log"
        self.files = RealFiles()
        self.tail = LogTail(self.path, self.files)
        self.goes_on = True

    def rotated(self, number: int = 1) -> Path:
        return self.path.with_name(f"error.log.{number}")

    def write(self, text: str, to: Path | None = None) -> None:
        with (to or self.path).open("a") as file:
            file.write(text)

    def shift(self) -> None:
        """Make room for a new `.1`."""
        for number in range(99, 0, -1):
            if self.rotated(number).exists():
                self.rotated(number).rename(self.rotated(number + 1))

    def rename(self) -> None:
        self.shift()
        self.path.rename(self.rotated())

    def copy_and_cut(self) -> None:
        self.shift()
        shutil.copyfile(self.path, self.rotated())
        os.truncate(self.path, 0)

    def read(self, oldest: float = 0.0) -> list[str]:
        """Return the lines that are new, sorted."""
        lines: list[str] = []

        def take(data: bytes) -> bytes:
            *whole, rest = data.split(b"\n")
            lines.extend(line.decode() for line in whole)
            return rest

        self.goes_on = self.tail.read(take, oldest)
        return sorted(lines)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


ROTATIONS = pytest.mark.parametrize("rotate", [Log.rename, Log.copy_and_cut], ids=["renamed", "copied and cut off"])
Rotate = Callable[[Log], None]


def test_nothing_is_there(log: Log) -> None:
    assert log.read() == []
    assert not log.tail.exists
    log.write("")
    assert log.read() == []
    assert log.tail.exists


def test_only_what_was_added_is_new(log: Log) -> None:
    log.write("a\nb\nc")
    assert log.read() == ["a", "b"]
    log.write("d\ne\n")
    assert log.read() == ["cd", "e"]
    assert log.read() == []
    assert log.goes_on


@ROTATIONS
@pytest.mark.parametrize("after", ["", "d\n", "d\ne\nf\ng\n"], ids=["shorter", "as long", "longer"])
def test_what_was_added_before_a_rotation_is_read(log: Log, rotate: Rotate, after: str) -> None:
    log.write("a\n")
    log.read()
    log.write("b\nc")
    rotate(log)
    log.write(after)
    assert log.read() == sorted(["b", *after.split()])
    assert log.goes_on
    log.write("c\n", to=log.rotated())  # its writer still has it open
    log.write("h\n")
    assert log.read() == ["cc", "h"]


@ROTATIONS
def test_two_rotations_between_two_readings(log: Log, rotate: Rotate) -> None:
    log.write("a\n")
    log.read()
    log.write("b\n")
    rotate(log)
    log.write("c\n")
    rotate(log)
    log.write("d\n")
    assert log.read() == ["b", "c", "d"]
    assert log.goes_on


@ROTATIONS
def test_a_rotation_after_the_log_was_seen_empty(log: Log, rotate: Rotate) -> None:
    log.write("a\n")
    rotate(log)
    log.write("")
    assert log.read() == ["a"]
    log.write("b\n")
    rotate(log)
    assert log.read() == ["b"]
    assert log.goes_on


def test_rotated_files_are_read_at_first_as_far_back_as_is_asked_for(log: Log) -> None:
    for number, text in enumerate(("d\n", "c\n", "b\n", "a\n")):
        path = log.rotated(number) if number else log.path
        path.write_text(text)
        os.utime(path, (100.0 - number, 100.0 - number))
    assert log.read(oldest=98.0) == ["b", "c", "d"]
    assert log.read(oldest=98.0) == []


def test_an_old_log_is_read_all_the_same(log: Log) -> None:
    log.write("a\n")
    os.utime(log.path, (5.0, 5.0))
    assert log.read(oldest=98.0) == ["a"]


def test_the_log_is_rotated_while_it_is_read(log: Log) -> None:
    log.write("a\n")
    log.read()
    log.write("b\n")

    class Rotating(RealFiles):
        def tail(self, path: Path, limit: int, since: FileTail | None = None) -> FileTail | None:
            if path == log.rotated() and not path.exists():
                log.rename()
                log.write("c\n")
            return super().tail(path, limit, since)

    log.tail._files = Rotating()
    assert log.read() == ["b"]
    assert log.read() == ["c"]
    assert log.read() == []


def test_the_log_goes_while_it_is_read(log: Log) -> None:
    log.write("a\n")

    class Removing(RealFiles):
        calls = 0

        def tail(self, path: Path, limit: int, since: FileTail | None = None) -> FileTail | None:
            self.calls += 1
            if self.calls == 2:
                path.unlink()
            return super().tail(path, limit, since)

    log.tail._files = Removing()
    assert log.read() == []
    assert not log.tail.exists


def test_a_copy_in_the_logs_place_goes_on_from_where_the_log_was_left(log: Log) -> None:
    log.write("a\nb\n")
    log.read()
    copy = log.path.with_name("copy")
    copy.write_text("a\nb\nc\n")
    copy.replace(log.path)
    assert log.read() == ["c"]
    assert log.goes_on


def test_an_edited_log_is_another_one(log: Log) -> None:
    log.write("a\nb\nc\n")
    log.read()
    log.path.write_text("a\nc\nd\n")
    assert log.read() == ["a", "c", "d"]
    assert not log.goes_on
    log.write("e\n")
    assert log.read() == ["e"]
    assert log.goes_on


def test_a_log_that_is_cut_off_and_kept_nowhere_is_another_one(log: Log) -> None:
    log.write("a\n")
    log.rename()
    log.write("b\n")
    log.read()
    os.truncate(log.path, 0)
    log.write("c\n")
    assert log.read() == ["c"]
    assert not log.goes_on


def test_what_was_replaced_and_comes_back_is_another_one_again(log: Log) -> None:
    log.write("a\nb\n")
    log.read()
    saved = log.path.with_name("saved")
    log.path.rename(saved)
    log.write("b\n")
    assert (log.read(), log.goes_on) == (["b"], False)
    saved.replace(log.path)
    assert (log.read(), log.goes_on) == (["a", "b"], False)


def test_a_log_that_is_gone_for_a_while_goes_on(log: Log) -> None:
    log.write("a\n")
    log.read()
    away = log.path.with_name("away")
    log.path.rename(away)
    assert log.read() == []
    assert log.goes_on
    assert log.tail.exists
    log.write("b\n", to=away)
    away.rename(log.path)
    assert log.read() == ["b"]
    assert log.goes_on


def test_the_log_is_not_yet_made_anew_after_a_rotation(log: Log) -> None:
    log.write("a\n")
    log.read()
    log.write("b\n")
    log.rename()
    assert log.read() == ["b"]
    log.write("c\n")
    assert log.read() == ["c"]
    assert log.goes_on


def test_of_a_long_log_the_newest_part_is_read_from_a_whole_line_on(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logtail, "LIMIT", 1000)
    lines = [f"{number:099}" for number in range(30)]
    log.write("".join(f"{line}\n" for line in lines[:20]))
    log.rename()
    log.write("".join(f"{line}\n" for line in lines[20:24]))
    assert log.read() == lines[15:24]  # the 600 bytes that are left, but for the line that they begin in
    log.write("".join(f"{line}\n" for line in lines[24:]))
    assert log.read() == lines[24:]
    log.write("".join(f"{line}\n" for line in lines))
    assert log.read() == lines[-9:]


def test_a_rotated_log_without_room_is_not_new_the_next_time(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logtail, "LIMIT", 1000)
    for first in (0, 20):
        if first:
            log.rename()
        log.write("".join(f"{number:099}\n" for number in range(first, first + 20)))
    assert log.read() == [f"{number:099}" for number in (*range(15, 20), *range(31, 40))]
    assert log.read() == []


def test_what_can_not_be_read_is_read_the_next_time(log: Log) -> None:
    log.write("a\n")
    log.rotated().mkdir()
    with pytest.raises(NotRegularError):
        log.read()
    assert not log.tail.exists
    log.rotated().rmdir()
    assert log.read() == ["a"]


class Rotations(RuleBasedStateMachine):
    """Lines are written, the log is rotated in one way or another, and read now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.log = Log(Path(self.folder.name))
        self.written: list[str] = []
        self.handed_out: list[str] = []

    def line(self) -> str:
        self.written.append(f"{len(self.written):0{len(self.written) % 7}}")
        return self.written[-1] + "\n"

    @rule(count=st.integers(min_value=0, max_value=300))
    def write(self, count: int) -> None:
        self.log.write("".join(self.line() for _ in range(count)))

    @rule()
    def write_in_two_strokes(self) -> None:
        line = self.line()
        self.log.write(line[:-1])
        self.read(all_there=False)
        self.log.write("\n")

    @precondition(lambda self: self.log.rotated().exists())
    @rule()
    def write_late(self) -> None:
        self.log.write(self.line(), to=self.log.rotated())
        self.read()

    @precondition(lambda self: self.log.path.exists())
    @rule(rotate=st.sampled_from([Log.rename, Log.copy_and_cut]))
    def rotate(self, rotate: Rotate) -> None:
        rotate(self.log)

    @precondition(lambda self: self.log.path.exists())
    @rule()
    def replace_by_a_copy(self) -> None:
        copy = self.log.path.with_name("copy")
        shutil.copyfile(self.log.path, copy)
        copy.replace(self.log.path)

    @rule()
    def look(self) -> None:
        self.read()

    def read(self, *, all_there: bool = True) -> None:
        self.handed_out += self.log.read()
        assert self.log.goes_on
        if all_there:
            assert sorted(self.handed_out) == sorted(self.written)

    def teardown(self) -> None:
        self.read()
        self.folder.cleanup()


TestRotations = Rotations.TestCase
TestRotations.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
