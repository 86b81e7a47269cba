"""Sockets to listen on: a loopback port; and one in the file system, for its owner alone, that no dead one hinders."""

from __future__ import annotations

import errno
import os
import socket as sockets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from supervisor.paths import MAX_SOCKET_BYTES

_PROBE_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class Listening:
    """A listening socket and the name it is found by."""

    socket: sockets.socket
    path: Path
    identity: tuple[int, int]

    def unlink(self) -> None:
        """Take the name away, unless it is another process's by now."""
        with suppress(OSError):
            if _identity(self.path) == self.identity:
                self.path.unlink()


def listen(path: Path) -> Listening:
    """Listen at `path`, mode 0600 whatever the umask, in a folder made 0700 where there is none.

    Raises OSError with the reason where another process listens there, something that is no socket is there,
    or the path is too long.
    """
    if len(os.fsencode(path)) > MAX_SOCKET_BYTES:
        raise OSError(errno.ENAMETOOLONG, f"a socket's path may have {MAX_SOCKET_BYTES} bytes at most", str(path))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_if_taken(path)
    listening = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    # Nobody can connect before `listen`, and nobody finds it before the rename: no moment with other rights.
    fresh = path.with_name(f".{os.getpid():x}")
    try:
        fresh.unlink(missing_ok=True)
        listening.bind(str(fresh))
        fresh.chmod(0o600)
        listening.listen(128)
        listening.setblocking(False)
        fresh.rename(path)
        return Listening(listening, path, _identity(path))
    except BaseException:
        listening.close()
        fresh.unlink(missing_ok=True)
        raise


def listen_tcp(host: str, port: int) -> sockets.socket:
    """Listen at a loopback address. Raises OSError with the reason, such as a port that is taken."""
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    listening = sockets.socket(family, sockets.SOCK_STREAM)
    try:
        listening.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


def _refuse_if_taken(path: Path) -> None:
    if not os.path.lexists(path):
        return
    if not path.is_socket():
        raise OSError(errno.EEXIST, "something that is no socket stands there", str(path))
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_TIMEOUT)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except TimeoutError:
            pass  # its queue is full: somebody listens, however busy
    raise OSError(errno.EADDRINUSE, "another process listens there", str(path))
