"""A machine whose process 1 is the real systemd, in namespaces of its own: it boots in under a second.

It needs root, a cgroup v2 mount and systemd's files; where one is missing the test says which.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.needs import missing

_INIT = Path(__file__).with_name("lab-init.sh")
_PROGRAMS = ("unshare", "nsenter", "pivot_root", "systemctl", "mount")
_UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup", "--kill-child")


class Lab:
    """The machine, once it has booted. `pid` is its process 1 as seen from outside."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.root = Path(f"/proc/{pid}/root")

    def enter(self, *argv: str) -> list[str]:
        """Return the command line that runs `argv` inside."""
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w", "--", *argv]

    def run(self, *argv: str, check: bool = True) -> str:
        """Run `argv` inside; return what it writes."""
        done = subprocess.run(self.enter(*argv), capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise AssertionError(f"{argv} ended with {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def unit(self, name: str, text: str) -> None:
        """Write a unit file, and have systemd read it."""
        (self.root / "etc/systemd/system" / name).write_text(text, encoding="utf-8")
        self.run("systemctl", "daemon-reload")


@contextmanager
def lab(folder: Path, shown: Mapping[Path, str] | None = None) -> Iterator[Lab]:
    """Boot a machine whose files lie in `folder`; switch it off in the end.

    `shown`: folders of the outside, and where they are seen inside.
    """
    for program in _PROGRAMS:
        if not shutil.which(program):
            missing(program, "the lab's systemd is booted with it")
    if not Path("/lib/systemd/systemd").exists():
        missing("systemd", "/lib/systemd/systemd is what is tested with")
    if os.geteuid() != 0:
        missing("root", "namespaces and mounts of a machine of its own")
    cgroup = _cgroup2() / f"lab-{os.getpid()}-{time.monotonic_ns()}"
    root = folder / "lab"
    root.mkdir()
    try:
        cgroup.mkdir()
    except OSError as error:
        missing("a writable cgroup v2", str(error))
    binds = [str(path) for pair in (shown or {}).items() for path in pair]
    booted = subprocess.Popen(
        # The shell joins the cgroup first: the namespace's root is where one is when it is made.
        ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(cgroup), *_UNSHARE, str(_INIT), str(root), *binds],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield _up(booted)
    finally:
        _off(booted)
        _remove(cgroup)


def _cgroup2() -> Path:
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    return missing("cgroup v2", "no such file system is mounted, and systemd wants one")


def _up(booted: subprocess.Popen[str]) -> Lab:
    until = time.monotonic() + 30
    said = ""
    while time.monotonic() < until:
        if booted.poll() is not None:
            assert booted.stderr
            missing("namespaces in which systemd boots", booted.stderr.read().strip() or f"status {booted.returncode}")
        for pid in Path(f"/proc/{booted.pid}/task/{booted.pid}/children").read_text(encoding="ascii").split():
            inside = Lab(int(pid))
            said = inside.run("systemctl", "is-system-running", check=False).strip()
            if said in {"running", "degraded"}:
                return inside
        time.sleep(0.05)
    return missing("namespaces in which systemd boots", f"it is {said or 'silent'} after 30 s")


def _off(booted: subprocess.Popen[str]) -> None:
    if booted.poll() is None:
        for pid in Path(f"/proc/{booted.pid}/task/{booted.pid}/children").read_text(encoding="ascii").split():
            os.kill(int(pid), signal.SIGRTMIN + 4)  # power off
    try:
        booted.communicate(timeout=3)
    except subprocess.TimeoutExpired:  # it waits for a zombie whose parent is outside and does not reap
        booted.kill()  # --kill-child takes the machine along
        booted.communicate()


def _remove(cgroup: Path) -> None:
    until = time.monotonic() + 10
    while cgroup.exists():
        for inner in sorted(cgroup.rglob("*/"), key=lambda path: len(path.parts), reverse=True):
            _rmdir(inner)
        _rmdir(cgroup)
        assert time.monotonic() < until, f"{cgroup} is still in use"
        time.sleep(0.02)


def _rmdir(cgroup: Path) -> None:
    try:
        if cgroup.is_dir():
            cgroup.rmdir()
    except OSError:  # its last process is just ending
        return
