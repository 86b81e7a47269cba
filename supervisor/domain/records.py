"""One class per log record. The class's name in snake case is the record's stable name; consumers rely on both.

`LEVEL` is the record's level; `KEPT` says whether the journal keeps it for `events` and `why`.
Times in fields are seconds since the epoch; `faces/logs` writes them as RFC 3339.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Record:
    """What every record has."""

    LEVEL: ClassVar[Level] = "info"
    KEPT: ClassVar[bool] = True

    @classmethod
    def event(cls) -> str:
        """Return the record's stable name."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


# --- the daemon --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SupervisorStarted(Record):
    """The process has begun. `absent`: seconds nobody was watching, where the journal tells."""

    version: str
    pid: int
    agents: int
    journal: str
    config: str | None = None
    absent: float | None = None


@dataclass(frozen=True, slots=True)
class SupervisorReady(Record):
    """Every file was read once; agents are watched."""

    seconds: float
    control: str


@dataclass(frozen=True, slots=True)
class SupervisorStopping(Record):
    """A planned end has begun."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServiceFailed(Record):
    """One of the supervisor's own services has failed and is started again."""

    LEVEL: ClassVar[Level] = "error"
    service: str
    error: str
    restarts: int


@dataclass(frozen=True, slots=True)
class LibraryReported(Record):
    """A library that the supervisor is built on has something to say, such as an error that nobody awaited."""

    LEVEL: ClassVar[Level] = "warning"
    KEPT: ClassVar[bool] = False
    source: str
    message: str


@dataclass(frozen=True, slots=True)
class JournalFailed(Record):
    """The journal can not be written; supervision goes on without it."""

    LEVEL: ClassVar[Level] = "error"
    KEPT: ClassVar[bool] = False
    error: str


@dataclass(frozen=True, slots=True)
class JournalRestored(Record):
    """The journal is written again, with everything that is known."""

    LEVEL: ClassVar[Level] = "warning"
    note: str


@dataclass(frozen=True, slots=True)
class ConfigReloaded(Record):
    """A changed configuration is in force."""

    file: str
    added: list[str]
    changed: list[str]
    removed: list[str]


@dataclass(frozen=True, slots=True)
class ConfigRejected(Record):
    """A changed configuration is wrong; the old one stays."""

    LEVEL: ClassVar[Level] = "error"
    file: str
    error: str


# --- heartbeats and health ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeartbeatReceived(Record):
    """A heartbeat was read."""

    LEVEL: ClassVar[Level] = "debug"
    KEPT: ClassVar[bool] = False
    agent: str
    at: float
    kind: str
    seq: int | None = None
    incarnation: str | None = None


@dataclass(frozen=True, slots=True)
class AgentLog(Record):
    """A line of kind `log` in the agent's heartbeats."""

    agent: str
    at: float
    message: str


@dataclass(frozen=True, slots=True)
class HeartbeatInvalid(Record):
    """A heartbeat file, or lines of it, can not be understood; the rest of it counts."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    file: str
    line: int | None
    error: str
    more: int = 0


@dataclass(frozen=True, slots=True)
class ClockSkew(Record):
    """A heartbeat is dated `ahead` seconds in the future; the time of its receipt counts."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    ahead: float


@dataclass(frozen=True, slots=True)
class HeartbeatMissed(Record):
    """A miss was decided."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    consecutive_misses: int
    due: float
    reason: str


@dataclass(frozen=True, slots=True)
class HealthChanged(Record):
    """An agent's health state has changed."""

    agent: str
    old: str
    new: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnregisteredAgent(Record):
    """Heartbeats of an agent that is not configured."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    file: str
    adopted: bool


# --- restarts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RestartStarted(Record):
    """A restart is started."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    attempt: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class RestartFinished(Record):
    """A restart has ended; only a fresh heartbeat proves the agent."""

    agent: str
    attempt: int
    ok: bool
    seconds: float
    detail: str = ""
    exit_code: int | None = None
    stderr: list[str] | None = None


@dataclass(frozen=True, slots=True)
class RestartRefused(Record):
    """A restart is called for and not started."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class AgentStarted(Record):
    """An agent that the supervisor runs was started with it, or could not be."""

    agent: str
    attempt: int
    ok: bool
    seconds: float
    detail: str = ""
    exit_code: int | None = None
    stderr: list[str] | None = None


@dataclass(frozen=True, slots=True)
class AgentExited(Record):
    """A process that the supervisor runs has ended unasked."""

    LEVEL: ClassVar[Level] = "warning"
    agent: str
    exit_code: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AgentHeld(Record):
    """Restarts of an agent are held until `until`."""

    agent: str
    by: str
    until: float


@dataclass(frozen=True, slots=True)
class AgentReleased(Record):
    """The hold on an agent is over."""

    agent: str
    by: str


# --- incidents and notifications ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IncidentOpened(Record):
    """An incident is open."""

    LEVEL: ClassVar[Level] = "error"
    incident: str
    key: str
    severity: str
    summary: str
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class EscalationTriggered(Record):
    """A step of the chain is due: `channel` is told."""

    LEVEL: ClassVar[Level] = "warning"
    incident: str
    channel: str
    kind: str
    delivery: str
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentAcknowledged(Record):
    """Somebody looks after an incident."""

    incident: str
    by: str
    until: float
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentResolved(Record):
    """An incident is over."""

    incident: str
    key: str
    summary: str
    seconds: float
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class NotificationSent(Record):
    """A channel took a notification."""

    incident: str
    channel: str
    kind: str
    delivery: str
    attempts: int
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class NotificationFailed(Record):
    """A channel did not take a notification. `retry_at` None: it is not tried again."""

    LEVEL: ClassVar[Level] = "error"
    incident: str
    channel: str
    kind: str
    delivery: str
    attempts: int
    error: str
    retry_at: float | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class SilenceAdded(Record):
    """Notifications that match are kept back until `until`."""

    silence: str
    matcher: str
    author: str
    comment: str
    until: float


@dataclass(frozen=True, slots=True)
class SilenceEnded(Record):
    """A silence is over, ended by `by` or by itself; what still fires is notified."""

    silence: str
    matcher: str
    by: str | None = None


# --- watching ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WatchLost(Record):
    """A folder is not observed by events any more. `observed`: polling still sees its changes."""

    LEVEL: ClassVar[Level] = "error"
    path: str
    reason: str
    observed: bool


@dataclass(frozen=True, slots=True)
class WatchRestored(Record):
    """A folder is observed again, by `means`."""

    path: str
    means: str


@dataclass(frozen=True, slots=True)
class Resync(Record):
    """Every file is read again."""

    LEVEL: ClassVar[Level] = "debug"
    KEPT: ClassVar[bool] = False
    reason: str
    files: int


@dataclass(frozen=True, slots=True)
class GateClosed(Record):
    """The supervisor doubts itself: no silence counts, no restart starts."""

    LEVEL: ClassVar[Level] = "warning"
    reason: str


@dataclass(frozen=True, slots=True)
class GateOpened(Record):
    """Decisions are taken again."""

    seconds: float


# --- faces -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DashboardWritten(Record):
    """The dashboard was written."""

    LEVEL: ClassVar[Level] = "debug"
    KEPT: ClassVar[bool] = False
    file: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DashboardFailed(Record):
    """The dashboard could not be written; the old page stays."""

    LEVEL: ClassVar[Level] = "error"
    file: str
    error: str


@dataclass(frozen=True, slots=True)
class LogDropped(Record):
    """Log records were lost: standard output was full, slow or closed. The journal keeps its own."""

    LEVEL: ClassVar[Level] = "warning"
    KEPT: ClassVar[bool] = False
    count: int


def every() -> tuple[type[Record], ...]:
    """Return every record class, in the order of this page."""
    page = globals().values()
    return tuple(cls for cls in page if isinstance(cls, type) and issubclass(cls, Record) and cls is not Record)
