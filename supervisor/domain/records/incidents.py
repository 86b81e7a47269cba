"""Incidents, who is told of them, and silences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supervisor.domain.records.base import Level, Record


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
    """A channel took a notification. `group`: the message of many that it went along with."""

    incident: str
    channel: str
    kind: str
    delivery: str
    attempts: int
    agent: str | None = None
    group: str | None = None


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
    group: str | None = None


@dataclass(frozen=True, slots=True)
class SilenceAdded(Record):
    """Notifications that match are kept back until `until`; from `begins` on, where that is yet to come."""

    silence: str
    matcher: str
    author: str
    comment: str
    until: float
    begins: float | None = None


@dataclass(frozen=True, slots=True)
class SilenceEnded(Record):
    """A silence is over, ended by `by` or by itself; what still fires is notified."""

    silence: str
    matcher: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceStarted(Record):
    """A window of maintenance is open: notifications that match are kept back until `until`."""

    window: str
    matcher: str
    comment: str
    until: float


@dataclass(frozen=True, slots=True)
class MaintenanceEnded(Record):
    """A window of maintenance is shut; what still fires is notified."""

    window: str
    matcher: str
