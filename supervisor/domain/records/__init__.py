"""One class per log record. The class's name in snake case is the record's stable name; consumers rely on both.

`LEVEL` is the record's level; `KEPT` says whether the journal keeps it for `events` and `why`.
Times in fields are seconds since the epoch; `faces/logs` writes them as RFC 3339.
"""

from __future__ import annotations

from supervisor.domain.records.base import Level, Record
from supervisor.domain.records.books import (
    BooksProgress,
    BooksTotals,
    FindingClosed,
    FindingOpened,
    Reconciled,
)
from supervisor.domain.records.daemon import (
    ConfigRejected,
    ConfigReloaded,
    JournalFailed,
    JournalRestored,
    LibraryReported,
    ServiceFailed,
    SupervisorReady,
    SupervisorStarted,
    SupervisorStopping,
)
from supervisor.domain.records.faces import (
    DashboardFailed,
    DashboardWritten,
    HttpFailed,
    HttpListening,
    LogDropped,
    PingFailed,
    PingRestored,
    TextfileFailed,
)
from supervisor.domain.records.health import (
    AgentForgotten,
    AgentLog,
    ClockSkew,
    HealthChanged,
    HeartbeatInvalid,
    HeartbeatMissed,
    HeartbeatReceived,
    UnregisteredAgent,
)
from supervisor.domain.records.incidents import (
    EscalationTriggered,
    IncidentAcknowledged,
    IncidentOpened,
    IncidentResolved,
    MaintenanceEnded,
    MaintenanceStarted,
    NotificationFailed,
    NotificationSent,
    SilenceAdded,
    SilenceEnded,
)
from supervisor.domain.records.restarts import (
    AgentAdopted,
    AgentExited,
    AgentHeld,
    AgentPaused,
    AgentReleased,
    AgentResumed,
    AgentStarted,
    RestartFinished,
    RestartRefused,
    RestartStarted,
)
from supervisor.domain.records.watching import (
    DrillStarted,
    GateClosed,
    GateOpened,
    Resync,
    WatchLost,
    WatchRestored,
)

__all__ = [
    "AgentAdopted",
    "AgentExited",
    "AgentForgotten",
    "AgentHeld",
    "AgentLog",
    "AgentPaused",
    "AgentReleased",
    "AgentResumed",
    "AgentStarted",
    "BooksProgress",
    "BooksTotals",
    "ClockSkew",
    "ConfigRejected",
    "ConfigReloaded",
    "DashboardFailed",
    "DashboardWritten",
    "DrillStarted",
    "EscalationTriggered",
    "FindingClosed",
    "FindingOpened",
    "GateClosed",
    "GateOpened",
    "HealthChanged",
    "HeartbeatInvalid",
    "HeartbeatMissed",
    "HeartbeatReceived",
    "HttpFailed",
    "HttpListening",
    "IncidentAcknowledged",
    "IncidentOpened",
    "IncidentResolved",
    "JournalFailed",
    "JournalRestored",
    "Level",
    "LibraryReported",
    "LogDropped",
    "MaintenanceEnded",
    "MaintenanceStarted",
    "NotificationFailed",
    "NotificationSent",
    "PingFailed",
    "PingRestored",
    "Reconciled",
    "Record",
    "RestartFinished",
    "RestartRefused",
    "RestartStarted",
    "Resync",
    "ServiceFailed",
    "SilenceAdded",
    "SilenceEnded",
    "SupervisorReady",
    "SupervisorStarted",
    "SupervisorStopping",
    "TextfileFailed",
    "UnregisteredAgent",
    "WatchLost",
    "WatchRestored",
    "every",
]


def every() -> tuple[type[Record], ...]:
    """Return every record class."""
    found = globals().values()
    return tuple(cls for cls in found if isinstance(cls, type) and issubclass(cls, Record) and cls is not Record)
