"""The units that come with us: which files, where they belong, and how they are put there and taken away.

Each file begins with a line that holds the hash of the rest: what a person has changed is known by it, and is neither
overwritten nor removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from supervisor import paths
from supervisor.cli import _output
from supervisor.cli._errors import FAILED, IO, UNAVAILABLE, CommandError

ETC = Path("/etc")
BOOTED = Path("/run/systemd/system")
"""It is there where a systemd runs (sd_booted(3))."""

SERVICE = "collections-supervisor.service"
ALERT = "collections-alert@.service"
AGENT = "agent@.service"
DROP_IN = "50-paths.conf"

COMMAND = "/opt/collections-supervisor/bin/collections-supervisor"
"""Where the command lies in the units as they are shipped."""

_WHY = {"kept": " (changed by hand, or not ours)", "unknown": " (only root may look there)"}

_MARK = "Written by `collections-supervisor install-unit`, which keeps what is changed by hand. sha256 "


class File(NamedTuple):
    """A file as it is to be, without its first line."""

    path: Path
    text: str


class Done(NamedTuple):
    """What became of a file: written, updated, unchanged, kept, removed; unknown where a dry run may not look."""

    action: str
    path: Path


class Report:
    """What a command has done so far, or would do (`dry`)."""

    def __init__(self, *, dry: bool) -> None:
        self.dry = dry
        self.files: list[Done] = []
        self.commands: list[tuple[str, ...]] = []
        self.notes: list[str] = []
        self.next: list[str] = []

    def do(self, *command: str) -> None:
        """Run `command`. Raises CommandError with what it says where it fails."""
        self.commands.append(command)
        if self.dry:
            return
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise CommandError(UNAVAILABLE, f"{command[0]}: {error.strerror}") from None
        if done.returncode:
            said = done.stderr.strip() or f"exit code {done.returncode}"
            raise CommandError(FAILED, f"{' '.join(command)}: {said}")

    @contextmanager
    def shown(self, *, as_json: bool) -> Iterator[None]:
        """Print it in the end; as text also where a CommandError comes before that: so much was done."""
        try:
            yield
        except CommandError:
            if not as_json:
                self._show(as_json=False)
            raise
        self._show(as_json=as_json)

    def _show(self, *, as_json: bool) -> None:
        """Print it, a line for each thing."""
        if as_json:
            files = [{"path": str(path), "action": action} for action, path in self.files]
            commands = [list(command) for command in self.commands]
            more = {"notes": self.notes, "next": self.next}
            _output.document({"dry_run": self.dry, "files": files, "commands": commands, **more})
            return
        if self.dry:
            _output.say("this is what would be done:")
        lines = [(action, f"{path}{_WHY.get(action, '')}") for action, path in self.files]
        _output.table([*lines, *(("ran", " ".join(command)) for command in self.commands)])
        for note in self.notes:
            _output.say(f"note: {note}")
        for step in self.next:
            _output.say(f"next: {step}")


def shipped() -> Path:
    """Return the folder of the units: in the wheel below the package, in a checkout beside it."""
    package = Path(__file__).parents[1]
    found = [folder for folder in (package / "systemd", package.parent / "systemd") if (folder / "system").is_dir()]
    if not found:
        raise CommandError(IO, f"the units are not below {package}: install collections-supervisor anew")
    return found[0]


def units(*, user: bool) -> Path:
    """Return the folder for units that an administrator, or the user, puts in place."""
    return paths.user_config(os.environ).parents[1] / "systemd" / "user" if user else ETC / "systemd" / "system"


def drop_ins(*, user: bool) -> list[Path]:
    """Return where the drop-ins stand that open what the configuration names."""
    return [units(user=user) / f"{unit}.d" / DROP_IN for unit in (SERVICE, ALERT)]


def files(command: str, drop_in: str, *, user: bool) -> list[File]:
    """Return every file, with `command` in the units and `drop_in` beside them where it says anything."""
    source, target = shipped(), units(user=user)
    found = [
        File(target / path.name, path.read_text("utf-8").replace(COMMAND, command))
        for path in sorted((source / ("user" if user else "system")).iterdir())
    ]
    if drop_in:
        found += [File(path, drop_in) for path in drop_ins(user=user)]
    if not user:
        for folder in ("sysusers.d", "tmpfiles.d", "polkit-1"):
            beside = sorted(path for path in (source / folder).rglob("*") if path.is_file())
            found += [File(ETC / path.relative_to(source), path.read_text("utf-8")) for path in beside]
    return found


def write(wanted: Iterable[File], *, dry: bool) -> Iterator[Done]:
    """Put the files in place; yield what became of each. Raises CommandError."""
    from supervisor.filesystem import write_atomic  # noqa: PLC0415 - a dry run needs none of it

    for path, text in wanted:
        if dry and _is_shut(path):
            yield Done("unknown", path)
            continue
        data = _marked(path, text)
        there = _read(path)
        if there is None:
            action = "written"
        elif there == data:
            action = "unchanged"
        else:
            action = "updated" if _ours(path, there) else "kept"
        if action in {"written", "updated"} and not dry:
            try:
                _make(path.parent)
                write_atomic(path, data)
                path.chmod(0o644)  # whatever the umask: systemd warns of files that others may not read
            except OSError as error:
                raise CommandError(IO, f"{path} can not be written: {error.strerror}") from None
        yield Done(action, path)


def _make(folder: Path) -> None:
    """Make the folder, and those above it, open to others whatever the umask, as folders of units are."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


def remove(candidates: Iterable[Path], *, dry: bool) -> Iterator[Done]:
    """Take away those of the files that are there and as we left them, and drop-in folders that are empty then."""
    for path in candidates:
        if dry and _is_shut(path):
            yield Done("unknown", path)
            continue
        there = _read(path)
        if there is None:
            continue
        action = "removed" if _ours(path, there) else "kept"
        if action == "removed" and not dry:
            try:
                path.unlink()
            except OSError as error:
                raise CommandError(IO, f"{path} can not be removed: {error.strerror}") from None
            if path.parent.suffix == ".d" and path.name == DROP_IN:
                with suppress(OSError):  # a drop-in of somebody else's is in it
                    path.parent.rmdir()
        yield Done(action, path)


def unlink(links: Iterable[Path], *, dry: bool) -> Iterator[Done]:
    """Take away links by which something starts a unit; systemctl has done so where a systemd runs."""
    for path in sorted(links):
        if not dry:
            try:
                path.unlink()
            except OSError as error:
                raise CommandError(IO, f"{path} can not be removed: {error.strerror}") from None
        yield Done("removed", path)


def need(*, user: bool, dry: bool) -> None:
    """Raise CommandError where there is no systemd, or where we may not write."""
    if not shutil.which("systemctl"):
        raise CommandError(UNAVAILABLE, "there is no systemd on this machine: systemctl is not found")
    if not user and not dry and os.geteuid() != 0:
        raise CommandError(FAILED, "only root may do that: use sudo, or --user for your own systemd, or --dry-run")


def runs(*, user: bool) -> bool:
    """Whether the systemd that reads these units runs."""
    return _runs_in(_session()) if user else BOOTED.is_dir()


def manager(*, user: bool) -> tuple[str, ...]:
    """Return the words by which the systemd that reads these units is told something."""
    if not user:
        return ("systemctl",)
    session, known = str(_session()), os.environ.get("XDG_RUNTIME_DIR")
    return (*(() if session == known else ("env", f"XDG_RUNTIME_DIR={session}")), "systemctl", "--user")


def _session() -> Path:
    """Return the folder of the user's systemd: a shell of su or cron does not know it, or knows another user's."""
    known = paths.session(os.environ)
    return known if _runs_in(known) else paths.session({})


def _runs_in(session: Path) -> bool:
    return os.path.isdir(session / "systemd")  # noqa: PTH112 - Path.is_dir raises where we may not look


def asked(command: Sequence[str]) -> list[str]:
    """Return the lines that `command` prints, whatever its exit code."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.splitlines()


def _marked(path: Path, text: str) -> bytes:
    body = text.encode()
    return f"{_comment(path)} {_MARK}{hashlib.sha256(body).hexdigest()}\n".encode() + body


def _ours(path: Path, data: bytes) -> bool:
    """Whether `data` is as we have written it, by this version or another."""
    body = data.partition(b"\n")[2]
    return data == _marked(path, body.decode(errors="replace"))


def _comment(path: Path) -> str:
    return "//" if path.suffix == ".rules" else "#"


def _is_shut(path: Path) -> bool:
    """Whether we may not even know if the file is there: polkit's folder is its own."""
    try:
        path.lstat()
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _read(path: Path) -> bytes | None:
    """Return what is there, None where nothing is. A link is somebody's decision: never what we have written."""
    try:
        return b"" if path.is_symlink() else path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(IO, f"{path} can not be read: {error.strerror}") from None
