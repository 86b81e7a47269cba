"""Every adapter of `Files`, and its double, by the same rules."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.filesystem import RealFiles
from supervisor.ports import FileRead, Files, FileTail, NotRegularError
from tests.support.files import MemoryFiles

LIMIT = 64


class Disk(Protocol):
    """What the agents do to a file, for one adapter."""

    @property
    def files(self) -> Files: ...
    @property
    def path(self) -> Path: ...
    def append(self, data: bytes) -> None: ...
    def rewrite(self, data: bytes) -> None: ...
    def replace(self, data: bytes) -> None: ...
    def remove(self) -> None: ...
    def odd(self, kind: str) -> None: ...


class RealDisk:
    def __init__(self, folder: Path) -> None:
        self.files = RealFiles()
        self.path = folder / "agent.log"
        self._times = count(1_700_000_000)

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)
        self._stamp()

    def rewrite(self, data: bytes) -> None:
        with self.path.open("wb") as file:
            file.write(data)
        self._stamp()

    def replace(self, data: bytes) -> None:
        other = self.path.with_suffix(".new")
        other.write_bytes(data)
        other.replace(self.path)
        self._stamp()

    def remove(self) -> None:
        self.path.unlink()

    def odd(self, kind: str) -> None:
        make: dict[str, Callable[[], object]] = {
            "a folder": self.path.mkdir,
            "a symbolic link": lambda: self.path.symlink_to("/etc/shadow"),
            "a FIFO": lambda: os.mkfifo(self.path),
            "a socket": lambda: _bind(self.path),
        }
        make[kind]()

    def _stamp(self) -> None:
        now = next(self._times)
        os.utime(self.path, (now, now))


class MemoryDisk:
    def __init__(self) -> None:
        self.files = MemoryFiles()
        self.path = Path("/memory/agent.log")
        self._times = count(1_700_000_000.0)

    def append(self, data: bytes) -> None:
        self.files.append(self.path, data, next(self._times))

    def rewrite(self, data: bytes) -> None:
        if self.path in self.files.paths():
            self.files.rewrite(self.path, data, next(self._times))
        else:
            self.files.write(self.path, data, next(self._times))

    def replace(self, data: bytes) -> None:
        self.files.write(self.path, data, next(self._times))

    def remove(self) -> None:
        self.files.remove(self.path)

    def odd(self, kind: str) -> None:
        self.files.mark_odd(self.path, kind)


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


@pytest.fixture(params=["real", "memory"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.chdir(tmp_path)
    return RealDisk(tmp_path) if request.param == "real" else MemoryDisk()


def _tail(disk: Disk, since: FileTail | None = None) -> FileTail:
    tail = disk.files.tail(disk.path, LIMIT, since)
    assert tail is not None
    return tail


def test_a_missing_file_is_none(disk: Disk) -> None:
    assert disk.files.tail(disk.path, LIMIT) is None
    disk.replace(b"x")
    disk.remove()
    assert disk.files.tail(disk.path, LIMIT) is None


def test_a_small_file_is_read_whole(disk: Disk) -> None:
    disk.append(b"one\n")
    disk.append(b"two\n")
    tail = _tail(disk)
    assert (tail.data, tail.offset, tail.size, tail.mtime) == (b"one\ntwo\n", 0, 8, 1_700_000_001.0)


def test_an_empty_file_has_an_empty_tail(disk: Disk) -> None:
    disk.replace(b"")
    assert (_tail(disk).data, _tail(disk).size) == (b"", 0)


def test_of_a_large_file_only_the_end_is_read(disk: Disk) -> None:
    disk.replace(b"a" * 1000 + b"b" * LIMIT)
    tail = _tail(disk)
    assert (tail.data, tail.offset, tail.size) == (b"b" * LIMIT, 1000, 1000 + LIMIT)


def test_with_limit_0_only_the_facts_are_told(disk: Disk) -> None:
    disk.replace(b"abc")
    tail = disk.files.tail(disk.path, 0)
    assert tail is not None
    assert (tail.data, tail.offset, tail.size) == (b"", 3, 3)


def test_since_gives_only_what_was_added(disk: Disk) -> None:
    disk.append(b"one\n")
    first = _tail(disk)
    disk.append(b"two\n")
    second = _tail(disk, first)
    assert (second.data, second.offset, second.size) == (b"two\n", 4, 8)
    assert second.identity == first.identity


def test_since_gives_nothing_for_an_untouched_file(disk: Disk) -> None:
    disk.append(b"one\n")
    again = _tail(disk, _tail(disk))
    assert (again.data, again.offset) == (b"", 4)


def test_growth_over_the_limit_gives_the_newest_part(disk: Disk) -> None:
    disk.append(b"one\n")
    first = _tail(disk)
    disk.append(b"x" * LIMIT + b"end\n")
    tail = _tail(disk, first)
    assert tail.data == b"x" * (LIMIT - 4) + b"end\n"


def test_a_truncated_file_is_read_anew(disk: Disk) -> None:
    disk.append(b"one\ntwo\n")
    first = _tail(disk)
    disk.rewrite(b"new\n")
    assert (_tail(disk, first).data, _tail(disk, first).offset) == (b"new\n", 0)


def test_a_file_rewritten_at_the_same_size_is_read_anew(disk: Disk) -> None:
    disk.append(b"one\n")
    first = _tail(disk)
    disk.rewrite(b"two\n")
    assert _tail(disk, first).data == b"two\n"


def test_a_replaced_file_is_read_anew(disk: Disk) -> None:
    disk.append(b"one\n")
    first = _tail(disk)
    disk.replace(b"two\nthree\n")
    tail = _tail(disk, first)
    assert tail.data == b"two\nthree\n"
    assert tail.identity != first.identity


@pytest.mark.parametrize("kind", ["a folder", "a symbolic link", "a FIFO", "a socket"])
def test_what_is_no_regular_file_is_refused_by_name(disk: Disk, kind: str) -> None:
    disk.odd(kind)
    with pytest.raises(NotRegularError, match=f"is {kind}, not a regular file") as caught:
        disk.files.tail(disk.path, LIMIT)
    assert str(disk.path) in str(caught.value)


@settings(max_examples=50, deadline=None)
@given(pieces=st.lists(st.binary(min_size=1, max_size=LIMIT), max_size=10))
def test_the_pieces_read_since_each_other_make_up_the_file(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    disks: list[Disk] = [RealDisk(tmp_path_factory.mktemp("disk")), MemoryDisk()]
    for disk in disks:
        disk.replace(b"")
        last = _tail(disk)
        got = b""
        for piece in pieces:
            disk.append(piece)
            last = _tail(disk, last)
            got += last.data
        assert got == b"".join(pieces)


# --- whole files, many at a time -------------------------------------------------------------------------


def read(disk: Disk, *, known: dict[str, int] | None = None, start: int = 0) -> list[FileRead | OSError | None]:
    """Return what reading the one file gives, [] where it is passed over."""
    names = [disk.path.name]
    return [got for _, got in disk.files.read(disk.path.parent, names, LIMIT, known=known or {}, start=start)]


def whole(disk: Disk, *, start: int = 0) -> FileRead:
    (got,) = read(disk, start=start)
    assert isinstance(got, FileRead)
    return got


def test_a_file_is_read_whole_and_passed_over_while_it_stays_the_same(disk: Disk) -> None:
    disk.append(b"first")
    got = whole(disk)
    assert (got.data, got.whole) == (b"first", True)
    assert read(disk, known={disk.path.name: got.mark}) == []
    disk.append(b", second")
    (changed,) = read(disk, known={disk.path.name: got.mark})
    assert isinstance(changed, FileRead)
    assert changed.data == b"first, second"
    disk.replace(b"first, second")
    assert read(disk, known={disk.path.name: changed.mark}) != []


def test_the_rest_of_a_file_is_read_from_where_it_was_left(disk: Disk) -> None:
    disk.append(b"first, second")
    assert whole(disk, start=5).data == b", second"
    assert whole(disk, start=13).data == b""
    assert whole(disk, start=99).data == b""


def test_more_than_the_limit_is_said(disk: Disk) -> None:
    disk.append(b"x" * LIMIT)
    assert whole(disk).whole
    disk.append(b"y")
    got = whole(disk)
    assert (got.data, got.whole) == (b"x" * LIMIT, False)
    assert whole(disk, start=1).whole


def test_what_is_not_there_is_none(disk: Disk) -> None:
    assert read(disk) == [None]
    assert list(disk.files.read(disk.path.parent / "nowhere", ["a", "b"], LIMIT, known={})) == [
        ("a", None),
        ("b", None),
    ]


@pytest.mark.parametrize("kind", ["a folder", "a symbolic link", "a FIFO", "a socket"])
def test_what_is_no_regular_file_is_an_error_and_no_end(disk: Disk, kind: str) -> None:
    disk.odd(kind)
    (got,) = read(disk)
    assert isinstance(got, NotRegularError)
    assert kind in str(got)


def test_the_newest_file_that_matches_tells_its_time(disk: Disk) -> None:
    folder = disk.path.parent
    patterns = (str(disk.path), str(folder / "*.log"), str(folder / "agen[t].l?g"))
    assert [disk.files.newest(pattern) for pattern in patterns] == [None] * 3
    disk.replace(b"x")
    first = disk.files.newest(patterns[0])
    disk.replace(b"y")
    assert [disk.files.newest(pattern) for pattern in patterns] == [first + 1 if first else None] * 3
    assert disk.files.newest(str(folder / "*.txt")) is None


def test_a_file_that_can_not_be_looked_at_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "here.csv").write_bytes(b"")
    assert RealFiles().newest(str(tmp_path / "gone.csv")) is None
    assert RealFiles().newest(str(tmp_path / "*.csv")) == (tmp_path / "here.csv").stat().st_mtime
    assert RealFiles().newest(str(tmp_path / "here.csv" / "x")) is None


def test_a_glob_reaches_into_folders_and_a_name_may_look_like_one(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "out [prod].csv"
    deep.parent.mkdir(parents=True)
    deep.touch()
    assert RealFiles().newest(str(tmp_path / "**" / "*.csv")) == deep.stat().st_mtime
    assert RealFiles().newest(str(deep)) == deep.stat().st_mtime
