"""The journal's keeper, and what it keeps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from supervisor.domain.delivery import Delivery
from supervisor.domain.docket import Kept
from supervisor.domain.escalation import Incident
from supervisor.domain.health import Health
from supervisor.domain.silences import Silence


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
        """Return the newest `limit` rows at or after `since`, oldest first; with `after` the oldest over that id.

        Who goes on from `after` misses none. With `before` only those with a smaller id, with `agent` only its own,
        with `events` only those of these names.
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
