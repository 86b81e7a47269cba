"""Time, files and what changes in them, and the service manager."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Time. `now` moves steadily; a step of the wall clock or a sleep of the machine moves it only by `resync`."""

    def now(self) -> float:
        """Seconds since the epoch on the supervisor's own steady timeline."""

    def drift(self) -> tuple[float, float]:
        """Return (seconds slept, seconds the wall clock was stepped) since the last `resync`."""

    def resync(self) -> None:
        """Bring `now` back to the wall clock."""


# --- sources -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """Look at these paths again. A hint: it says nothing of what happened to them."""

    paths: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Relisted:
    """Everything below the roots was listed afresh (`reason`), whether it changed or not; `paths` is all of it.

    It may be a `Listing`: ask that for the names in a folder rather than walk through all.
    """

    reason: str
    paths: AbstractSet[Path]


@dataclass(frozen=True, slots=True)
class WatchLost:
    """`root` can not be observed: changes below it may go unseen. `observed`: polling still sees them, later."""

    root: Path
    reason: str
    observed: bool = False


@dataclass(frozen=True, slots=True)
class WatchRestored:
    """`root` is observed again, by `means` ("events" or "polling"). A `Relisted` follows."""

    root: Path
    means: str


@dataclass(frozen=True, slots=True)
class Alive:
    """The source turns, and has nothing to say. It comes every `ALIVE_EVERY` seconds at least."""


ALIVE_EVERY = 10.0

SourceEvent = Changed | Relisted | WatchLost | WatchRestored | Alive


class Source(Protocol):
    """Says where to look. Level-triggered: hints may repeat and come in any order, none is lost for ever."""

    def events(self) -> AsyncGenerator[SourceEvent, None]:
        """Yield hints until cancelled; the first is a `Relisted`."""

    def relist(self, reason: str) -> None:
        """Ask for a `Relisted` as soon as can be."""


@dataclass(frozen=True, slots=True)
class FileTail:
    """The newest part of a regular file.

    Args:
        data: bytes from `offset` to the end, `limit` at most.
        size, mtime: bytes; s since the epoch.
        identity: of the file, whatever its name: device and inode in one number.
    """

    data: bytes
    offset: int
    size: int
    mtime: float
    identity: int


@dataclass(frozen=True, slots=True)
class FileRead:
    """A regular file, or the rest of it from an offset on.

    Args:
        data: `limit` bytes at most; more were there where `whole` is False.
        changed: when it last changed in any way (s since the epoch): written, renamed, its rights set.
        mark: changes whenever the file does.
    """

    data: bytes
    changed: float
    mark: int
    whole: bool = True


class Files(Protocol):
    """Bounded reads of regular files, for a worker thread: these calls block."""

    def read(
        self, folder: Path, names: Iterable[str], limit: int, *, known: Mapping[str, int], start: int = 0
    ) -> Iterator[tuple[str, FileRead | OSError | None]]:
        """Read these files of `folder` from the byte `start` on; those whose mark is `known` are passed over.

        A file that is not there is None, one that can not be read an OSError (`NotRegularError` as in `tail`).
        """

    def tail(self, path: str | Path, limit: int, since: FileTail | None = None) -> FileTail | None:
        """Read the end of `path`, at most `limit` bytes; with `since`, only what was added to that same file.

        Returns None where the file does not exist. Symbolic links, folders, FIFOs and devices raise
        `NotRegularError`; every other failure raises OSError.
        """

    def newest(self, pattern: str) -> float | None:
        """Return when the newest file that matches a glob was written (s since the epoch); None where there is none.

        What can not be looked at is not there.
        """


class NotRegularError(OSError):
    """The path is there, but is no regular file."""


class Offload(Protocol):
    """Runs blocking or long work away from the event loop."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, in a later turn of the loop; what it raises is raised here."""


class Ping(Protocol):
    """Tells a service outside that we live: where it hears nothing, it tells people (a dead man's switch)."""

    async def send(self) -> str | None:
        """Say so once, within a bounded time; return why it could not be said, None where it was."""


class Watchdog(Protocol):
    """Tells the service manager how we are (systemd's notify protocol)."""

    def notify(self, **fields: str | int) -> None:
        """Send the fields, such as READY=1; silently nothing without a service manager."""
