"""Files on disk: bounded reads of what strangers write, atomic writes of our own. These calls block."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from glob import has_magic, iglob
from pathlib import Path

from supervisor.listing import mark
from supervisor.ports import FileRead, FileTail, NotRegularError

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SHARED = 0o664
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_ACL = "system.posix_acl_access"
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class RealFiles:
    """Implements `Files` with one open and one read each; nothing but a regular file is ever opened on purpose."""

    def tail(self, path: str | Path, limit: int, since: FileTail | None = None) -> FileTail | None:
        """Read the end of `path`; see `Files.tail`.

        With `since`, an untouched file gives no data, a grown one what was added, and one that was truncated,
        replaced, rewritten or has grown by more than `limit` its last `limit` bytes.
        """
        try:
            _refuse_odd(path, os.lstat(path).st_mode)  # a FIFO or a device must not even be opened
            fd = os.open(path, _READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENXIO}:  # it turned odd between the two calls
                raise NotRegularError(error.errno, "not a regular file", str(path)) from error
            raise
        try:
            info = os.fstat(fd)
            _refuse_odd(path, info.st_mode)
            identity = info.st_dev << 64 | info.st_ino
            start = _start(info.st_size, info.st_mtime, identity, limit, since)
            data = _read(fd, start, info.st_size - start)
        finally:
            os.close(fd)
        return FileTail(data, start, info.st_size, info.st_mtime, identity)

    def read(
        self, folder: Path, names: Iterable[str], limit: int, *, known: Mapping[str, int], start: int = 0
    ) -> Iterator[tuple[str, FileRead | OSError | None]]:
        """Read files of one folder; see `Files.read`. A hundred thousand in a row: text and numbers, no objects."""
        try:
            place = os.open(folder, _FOLDER)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            yield from ((name, None if missing else error) for name in names)
            return
        try:
            for name in names:
                try:
                    info = os.stat(name, dir_fd=place, follow_symlinks=False)
                    seen = mark(info)
                    if known.get(name) == seen:
                        continue
                    _refuse_odd(name, info.st_mode)
                    # The mark is older than the data: whatever is written meanwhile makes it differ once more.
                    rest = max(0, info.st_size - start)
                    data = _read_named(place, name, start, min(rest, limit))
                except FileNotFoundError:
                    yield name, None
                except OSError as error:
                    yield name, error
                else:
                    yield name, FileRead(data, max(info.st_mtime, info.st_ctime), seen, whole=rest <= limit)
        finally:
            os.close(place)

    def newest(self, pattern: str) -> float | None:
        """Return when the newest file that matches was written; see `Files.newest`."""
        times = []
        found = iglob(pattern, recursive=True) if has_magic(pattern) else ()  # noqa: PTH207 - a Path globs no absolute one
        for path in (pattern, *found):  # a name may hold a "["
            with contextlib.suppress(OSError):
                times.append(os.stat(path).st_mtime)  # noqa: PTH116 - text is cheaper
        return max(times, default=None)


def append_only(path: str, _: int) -> int:
    """Open `path` to append to it, for `open(..., opener=append_only)`: no link is followed, no FIFO waited for.

    Whatever the umask, whoever may write into the folder may append to a new file: an agent goes on with its own log.
    """
    fd = os.open(path, _APPEND, 0o600)
    with contextlib.suppress(OSError):  # not every file system has modes; the line counts more
        info = os.fstat(fd)
        if info.st_size == 0 and info.st_uid == os.geteuid():
            os.fchmod(fd, Path(path).parent.stat().st_mode & _SHARED)
    return fd


def write_atomic(path: Path, data: bytes, ready: Callable[[int], None] = lambda _: None) -> None:
    """Replace `path` with `data`, durable on return; readers see the old file or the new one, never a part.

    `ready` is called with the new file's descriptor just before it takes the old one's place. Raises OSError where it
    can not, and whatever `ready` raises: the old file stays as it was, and nothing is left beside it.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    write_new(temporary, data, ready)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # not every file system can; the new file stands already
        _sync_folder(path.parent)


def write_new(path: Path, data: bytes, ready: Callable[[int], None] = lambda _: None) -> None:
    """Make a file that holds `data`; `ready` is called with its descriptor once it does.

    Raises FileExistsError, which leaves that file alone, OSError and what `ready` raises, which leave nothing.
    """
    fd = os.open(path, _CREATE, 0o644)
    try:
        with os.fdopen(fd, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(fd)
            ready(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def everyone_reads(fd: int) -> None:
    """Let everyone read the new file `fd`, whatever the umask."""
    with contextlib.suppress(OSError):  # not every file system has modes
        os.fchmod(fd, 0o644)


def keep_rights(fd: int, path: Path) -> None:
    """Give the new file `fd` the owner, the mode and the access list of `path`, durable on return.

    Raises OSError where that may not be.
    """
    like, new = os.lstat(path), os.fstat(fd)
    if (new.st_uid, new.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(fd, like.st_uid, like.st_gid)
    os.fchmod(fd, stat.S_IMODE(like.st_mode))
    rules = b""
    with contextlib.suppress(OSError):  # most files have none, and not every file system knows them
        rules = os.getxattr(path, _ACL, follow_symlinks=False)
    if rules:
        os.setxattr(fd, _ACL, rules)
    os.fsync(fd)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _refuse_odd(path: Path | str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "of an unknown kind")
        raise NotRegularError(errno.EINVAL, f"is {kind}, not a regular file", str(path))


def _start(size: int, mtime: float, identity: int, limit: int, since: FileTail | None) -> int:
    """Return the offset from which to read."""
    if since is not None and since.identity == identity:
        known = since.offset + len(since.data)
        if known < size <= known + limit or (size == known and mtime == since.mtime):
            return known
    return max(0, size - limit)


def _read_named(place: int, name: str, start: int, count: int) -> bytes:
    fd = os.open(name, _READ, dir_fd=place)
    try:
        return _read(fd, start, count)
    finally:
        os.close(fd)


def _read(fd: int, offset: int, count: int) -> bytes:
    """Read `count` bytes from `offset` on; fewer where the file ends before."""
    data = os.pread(fd, count, offset)
    while data and len(data) < count:
        more = os.pread(fd, count - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data
