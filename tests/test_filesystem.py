"""Reads of hostile files, and atomic writes, on the real file system."""

from __future__ import annotations

import os
import re
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.filesystem import RealFiles, append_only, everyone_reads, keep_rights, write_atomic, write_new
from supervisor.ports import NotRegularError
from tests.support.needs import missing

LIMIT = 64 * 1024
NOBODY = 65534


def _without_rights(code: str, *args: Path) -> str:
    """Run `code` as somebody who is not root; return what it prints."""
    load = "import os, sys; from pathlib import Path; from supervisor.filesystem import *"
    drop = f"if os.geteuid() == 0: os.setgid({NOBODY}); os.setuid({NOBODY})"  # who may not even read the sources
    done = subprocess.run(
        [sys.executable, "-c", f"{load}\n{drop}\n{code}", *map(str, args)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/dev/null"])
def test_a_device_is_refused_and_never_read(device: str) -> None:
    with pytest.raises(NotRegularError, match="is a device"):
        RealFiles().tail(Path(device), LIMIT)


def test_a_fifo_with_a_writer_waiting_is_refused_and_stays_unopened(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    os.mkfifo(path)
    opened = threading.Event()

    def write() -> None:
        with path.open("wb"):
            opened.set()

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(NotRegularError, match="is a FIFO"):
        RealFiles().tail(path, LIMIT)
    assert not opened.wait(0.2)
    os.close(os.open(path, os.O_RDONLY))
    writer.join(10)


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_a_file_that_turns_odd_at_the_last_moment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path, lstat = tmp_path / "agent.log", os.lstat
    path.write_bytes(b"x")

    def look_and_swap(looked: Path) -> os.stat_result:
        info = lstat(looked)
        path.unlink()
        if kind == "fifo":
            os.mkfifo(path)
        else:
            path.symlink_to("/etc/shadow")
        return info

    monkeypatch.setattr(os, "lstat", look_and_swap)
    with pytest.raises(NotRegularError):
        RealFiles().tail(path, LIMIT)


def test_a_link_to_a_secret_is_refused_without_a_word_of_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    path.symlink_to("/etc/shadow")
    with pytest.raises(NotRegularError, match="is a symbolic link") as caught:
        RealFiles().tail(path, LIMIT)
    assert "root:" not in str(caught.value)


def test_a_log_of_1_gib_costs_its_tail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "agent.log"
    last = b'{"timestamp": "2026-01-01T00:00:00Z"}\n'
    with path.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(last)
    read, asked = os.pread, []

    def pread(fd: int, count: int, offset: int) -> bytes:
        asked.append(count)
        return read(fd, count, offset)

    monkeypatch.setattr(os, "pread", pread)
    began = time.perf_counter()
    tail = RealFiles().tail(path, LIMIT)
    assert tail is not None
    assert tail.data.endswith(b"\0" + last)
    assert len(tail.data) == sum(asked) == LIMIT
    assert time.perf_counter() - began < 1.0


def test_a_line_of_10_mb_costs_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    path.write_bytes(b"x" * 10_000_000)
    tail = RealFiles().tail(path, LIMIT)
    assert tail is not None
    assert (len(tail.data), tail.size) == (LIMIT, 10_000_000)


def test_reads_that_the_kernel_cuts_short_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "agent.log", os.pread
    path.write_bytes(b"0123456789")
    monkeypatch.setattr(os, "pread", lambda fd, count, offset: read(fd, min(count, 3), offset))
    tail = RealFiles().tail(path, LIMIT)
    assert tail is not None
    assert tail.data == b"0123456789"


def test_a_file_that_shrinks_while_it_is_read_gives_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = tmp_path / "agent.log", os.pread
    path.write_bytes(b"0123456789")

    def pread(fd: int, count: int, offset: int) -> bytes:
        data = read(fd, min(count, 3), offset)
        os.truncate(path, 3)
        return data

    monkeypatch.setattr(os, "pread", pread)
    tail = RealFiles().tail(path, LIMIT)
    assert tail is not None
    assert tail.data == b"012"


def test_a_file_without_permission_is_an_error_that_says_so() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        Path(folder).chmod(0o755)
        path = Path(folder) / "agent.log"
        path.write_bytes(b"x")
        path.chmod(0)
        code = "try: RealFiles().tail(Path(sys.argv[1]), 10)\nexcept PermissionError as error: print(error)"
        assert _without_rights(code, path) == f"[Errno 13] Permission denied: '{path}'"


def test_a_path_through_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        RealFiles().tail(tmp_path / "file" / "agent.log", LIMIT)


def test_no_file_stays_open(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        RealFiles().tail(tmp_path / "a", LIMIT)
        write_atomic(tmp_path / "b", b"x")
        with pytest.raises(NotRegularError):
            RealFiles().tail(tmp_path, LIMIT)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


# --- atomic writes


def test_a_write_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "dashboard.html"
    write_atomic(path, b"old")
    inode = path.stat().st_ino
    write_atomic(path, b"new" * 100_000)
    assert path.read_bytes() == b"new" * 100_000
    assert path.stat().st_ino != inode
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_mode_is_0644_less_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    path = tmp_path / "dashboard.html"
    code = f"os.umask({umask}); write_atomic(Path(sys.argv[1]), b'x')"
    load = "import os, sys; from pathlib import Path; from supervisor.filesystem import write_atomic"
    subprocess.run([sys.executable, "-c", f"{load}; {code}", str(path)], check=True, timeout=60)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.fixture
def closed() -> Iterator[None]:
    """Under the umask of the service."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_what_is_meant_for_others_can_be_read_whatever_the_umask(tmp_path: Path, closed: None) -> None:
    path = tmp_path / "dashboard.html"
    write_atomic(path, b"x", everyone_reads)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize(("folder", "mode"), [(0o2770, 0o660), (0o755, 0o644), (0o700, 0o600), (0o1777, 0o664)])
def test_whoever_may_write_beside_a_new_log_may_write_it_too(
    tmp_path: Path, closed: None, folder: int, mode: int
) -> None:
    path = tmp_path / "heartbeats" / "mailer.log"
    path.parent.mkdir()
    path.parent.chmod(folder)
    os.close(append_only(str(path), 0))
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_log_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "mailer.log"
    path.write_bytes(b"x")
    path.chmod(0o640)
    os.close(append_only(str(path), 0))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_full_disk_keeps_the_old_file_and_removes_the_new_one(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        missing("mount", f"to make a small file system: {mounted.stderr.strip()}")
    try:
        path = small / "dashboard.html"
        write_atomic(path, b"old")
        with pytest.raises(OSError, match="No space left on device"):
            write_atomic(path, b"x" * 200_000)
        assert path.read_bytes() == b"old"
        assert list(small.iterdir()) == [path]
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_rename_that_fails_keeps_the_old_one_and_removes_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "dashboard.html").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path / "dashboard.html", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["dashboard.html"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "no" / "dashboard.html", b"x")


def test_what_is_called_at_the_last_moment_sees_the_new_file_beside_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md"
    write_atomic(path, b"old")

    def ready(fd: int) -> None:
        assert os.fstat(fd).st_size == 3
        assert path.read_bytes() == b"old"
        raise RuntimeError("not now")

    with pytest.raises(RuntimeError, match="not now"):
        write_atomic(path, b"new", ready)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_takes_nobodys_place(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md.bak"
    write_new(path, b"one")
    with pytest.raises(FileExistsError):
        write_new(path, b"two")
    assert path.read_bytes() == b"one"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_rights_are_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ledger.md"
    path.write_bytes(b"old")
    path.chmod(mode)
    if os.getuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    before = path.stat()
    write_atomic(path, b"new", lambda fd: keep_rights(fd, path))
    after = path.stat()
    assert path.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_an_access_list_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md"
    path.write_bytes(b"old")
    # Version 2: the owner, one more user, the group, the mask, and everybody else.
    entries = ((0x01, 6, -1), (0x02, 6, NOBODY), (0x04, 0, -1), (0x10, 6, -1), (0x20, 0, -1))
    rules = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, can, who % 2**32) for tag, can, who in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", rules)
    except OSError as error:
        missing("access lists", f"the file system of {tmp_path} has none: {error}")
    write_atomic(path, b"new", lambda fd: keep_rights(fd, path))
    assert os.getxattr(path, "system.posix_acl_access") == rules
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_an_owner_that_can_not_be_kept_is_an_error() -> None:
    if os.getuid() != 0:
        missing("root", "to make a file of somebody else's")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = Path(folder) / "ledger.md"
        path.write_bytes(b"old")
        code = """
path = Path(sys.argv[1])
try: write_atomic(path, b"new", lambda fd: keep_rights(fd, path))
except PermissionError as error: print(error.strerror)
"""
        assert _without_rights(code, path) == "Operation not permitted"
        assert path.read_bytes() == b"old"
        assert list(Path(folder).iterdir()) == [path]


def test_readers_never_see_a_part(tmp_path: Path) -> None:
    path = tmp_path / "dashboard.html"
    write_atomic(path, b"0" * 50_000)
    done = threading.Event()

    def write() -> None:
        for number in range(100):
            write_atomic(path, b"%d" % (number % 10) * 50_000)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    looks = 0
    while not done.is_set():
        assert re.fullmatch(rb"(\d)\1{49999}", path.read_bytes())
        looks += 1
    writer.join()
    assert looks > 0


def test_the_file_and_its_folder_are_synced_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced, fsync = tmp_path / "a", [], os.fsync

    def record(fd: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{fd}").readlink()), path.exists()))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", record)
    write_atomic(path, b"x")
    (temporary, early), (folder, late) = synced
    assert temporary.startswith(f"{tmp_path}/.a.")
    assert (early, folder, late) == (False, str(tmp_path), True)
