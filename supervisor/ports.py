"""What the runtime asks of the world. The only module with Protocols."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from supervisor.domain.account import Account
from supervisor.domain.delivery import Delivery, Outcome
from supervisor.domain.docket import Kept
from supervisor.domain.escalation import Incident
from supervisor.domain.fleet import Fleet
from supervisor.domain.health import Health
from supervisor.domain.metrics import Metrics
from supervisor.domain.readings import Readings
from supervisor.domain.silences import Silence

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


class NotRegularError(OSError):
    """The path is there, but is no regular file."""


# --- restarters --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RestartOutcome:
    """How a restart ended. `ok` says only that the action worked: a fresh heartbeat proves the agent."""

    ok: bool
    detail: str = ""
    exit_code: int | None = None
    stderr: tuple[str, ...] = ()


class Restarter(Protocol):
    """Ends the old copy of one agent, proves it gone, starts a new one. Made once per agent.

    `attempt` names the effect: the same attempt asked twice, even by another life of the supervisor,
    happens once, and the second call waits for the first one's end.
    """

    async def restart(self, attempt: int) -> RestartOutcome:
        """Restart the agent. Never raises but on cancellation; bounded by its own timeouts."""

    async def close(self) -> None:
        """Let go of what the supervisor's planned end should not leave behind."""


@dataclass(frozen=True, slots=True)
class Exit:
    """A process the supervisor runs has ended; `code` None where the kernel did not tell."""

    code: int | None
    detail: str = ""


class Keeper(Restarter, Protocol):
    """A restarter that runs the agent itself (`managed`)."""

    async def adopt(self) -> bool:
        """Take over the copy that an earlier life of the supervisor started; False where none runs."""

    def exits(self) -> AsyncIterator[Exit]:
        """Yield each end of the agent's process that was not asked for, at once."""


# --- notifiers ---------------------------------------------------------------------------------------


class Notifier(Protocol):
    """Sends one message through one channel."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Send `delivery`. Every failure is an outcome, never an exception."""

    async def close(self) -> None:
        """Close connections."""


@runtime_checkable
class Refresher(Notifier, Protocol):
    """A notifier that keeps something alight elsewhere, which goes out where it is not told again."""

    refresh_every: float
    """How often (s) what is open, and was sent before, is to be told again. Nobody is notified anew by that."""

    async def refresh(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Tell all of these again, as they are now. Every failure is an outcome, never an exception."""


# --- stores ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One log record as the journal keeps it. The writer numbers the rows; a store keeps the numbers."""

    at: float
    event: str
    agent: str | None
    incident: str | None
    fields: dict[str, Any]
    id: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written together or not at all: new values replace the old ones of the same name or id.

    `findings`: by id, None for one that stands no more.
    """

    agents: tuple[tuple[str, Health], ...] = ()
    forgotten: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    silences: tuple[Silence, ...] = ()
    findings: tuple[tuple[str, Kept | None], ...] = ()
    rows: tuple[Row, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """What an earlier life of the supervisor left: open incidents, unsent deliveries, silences, findings."""

    agents: dict[str, Health] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    silences: tuple[Silence, ...] = ()
    findings: tuple[Kept, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class StoreError(Exception):
    """The store could not do it; the text says which file and why."""


class StoreLockedError(StoreError):
    """Another process holds this store; the text names its pid."""


class History(Protocol):
    """What is kept, for whoever reads it. Every call raises StoreError where it can not be read."""

    async def rows(
        self,
        *,
        since: float = 0.0,
        after: int = 0,
        before: int | None = None,
        agent: str | None = None,
        events: Collection[str] | None = None,
        limit: int = 1000,
    ) -> Sequence[Row]:
        """Return the newest `limit` rows at or after `since` and with an id over `after`, oldest first.

        With `before` only those with a smaller id, with `agent` only its own, with `events` only those of these names.
        """

    async def incidents(
        self, *, since: float = 0.0, before: tuple[float, str] | None = None, limit: int = 1000
    ) -> Sequence[Incident]:
        """Return the newest `limit` incidents opened at or after `since`, closed ones too, newest first.

        With `before` only those that come after this (opened_at, id) in that order.
        """


class Store(History, Protocol):
    """The journal's keeper. Every call leaves the event loop free."""

    async def open(self) -> Saved:
        """Open, migrate, lock; return what is kept. A corrupt store is set aside and `Saved.notes` says so.

        Raises StoreLockedError where another process has it, StoreError where it can not be used.
        """

    async def commit(self, entry: Entry) -> None:
        """Write `entry` in one transaction, durable on return. Raises StoreError."""

    async def prune(self, before: float) -> int:
        """Delete rows and closed incidents older than `before`; return how many."""

    async def close(self) -> None:
        """Close and let go of the lock."""


# --- the daemon, as its faces see it -----------------------------------------------------------------


class UnknownNameError(LookupError):
    """No agent, incident, silence or channel of that name; the text says which."""


class RefusedError(Exception):
    """The daemon understood and will not; the text says why."""


class Control(History, Protocol):
    """What people and programs may ask of the daemon. `by` is who asks. Times: s since the epoch; lengths: s."""

    def readiness(self) -> str | None:
        """Return None when every agent is watched, else what is still missing."""

    async def fleet(self, agents: Collection[str] = ()) -> Fleet:
        """Return the picture of everything, now; with `agents` only of those of them that there are."""

    def silences(self) -> Sequence[Silence]:
        """Return the silences that run or are to come."""

    async def check(self, agents: Sequence[str] = ()) -> Fleet:
        """Read every file again, judge (all, or only `agents`), return the picture."""

    async def reconcile(self) -> Account:
        """Read and compare all books again; return what came of it."""

    async def metrics(self, window: float) -> Metrics:
        """Return the figures of the last `window` seconds."""

    async def readings(self) -> Readings:
        """Return what monitoring reads off the supervisor, now."""

    async def restart(self, agent: str, by: str) -> int:
        """Start a restart now; return its number. Raises UnknownNameError, RefusedError."""

    async def hold(self, agent: str, seconds: float, by: str) -> float:
        """Hold restarts of `agent`; return until when. Raises UnknownNameError."""

    async def release(self, agent: str, by: str) -> None:
        """Lift the hold. Raises UnknownNameError."""

    async def acknowledge(self, incident: str, by: str, seconds: float | None = None) -> Incident:
        """Acknowledge an open incident for `seconds` (the configured time where None). Raises UnknownNameError."""

    async def silence(self, matcher: str, seconds: float, author: str, comment: str) -> Silence:
        """Add a silence that begins now."""

    async def unsilence(self, silence: str, by: str) -> None:
        """End a silence now. Raises UnknownNameError."""

    async def heartbeat(self, agent: str, document: dict[str, Any]) -> None:
        """Write a heartbeat for `agent` as it would itself. Raises RefusedError for one that breaks the format."""

    async def dashboard(self) -> bytes:
        """Render the page, write it to its file, return it."""

    async def live_page(self, *, acting: bool) -> bytes:
        """Return the page as a browser keeps it up to date; `acting`: with what may be done. Nothing is written."""

    def follow(self) -> AsyncIterator[Row]:
        """Yield each kept log record as it is made; a reader that is too slow loses the oldest."""

    async def reload(self) -> dict[str, list[str]]:
        """Read the configuration again; return the names added, changed, removed. Raises RefusedError."""

    async def test_notify(self, channel: str | None, by: str) -> dict[str, Outcome]:
        """Send a test message through `channel`, or through each; return what each said."""


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
