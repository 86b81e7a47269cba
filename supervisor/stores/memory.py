"""The journal in memory: for scenarios, and for the daemon where no file can be opened. It ends with the process."""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import replace

from supervisor.domain.delivery import Delivery, DeliveryState
from supervisor.domain.docket import Kept
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.health import Health
from supervisor.domain.silences import Silence
from supervisor.ports import Entry, Row, Saved, StoreError
from supervisor.stores import _rows

_ROWS_KEPT = 100_000
"""Log records kept at the most: a daemon without a disk must not grow for ever."""


class MemoryStore:
    """`ports.Store` without a file: what an object was told, it says again when it is opened again."""

    def __init__(self) -> None:
        self._open = False
        self._agents: dict[str, Health] = {}
        self._incidents: dict[str, Incident] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._silences: dict[str, Silence] = {}
        self._findings: dict[str, Kept] = {}
        self._facts: dict[str, str] = {}
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._last_row = 0

    async def open(self) -> Saved:
        """Return what is kept since this object was made."""
        self._open = True
        pending = [d for d in self._deliveries.values() if d.state is DeliveryState.PENDING]
        owed = {d.incident for d in pending}
        wanted = [i for i in self._incidents.values() if i.state is not IncidentState.RESOLVED or i.id in owed]
        return Saved(
            agents=dict(self._agents),
            incidents=tuple(sorted(wanted, key=lambda i: (i.opened_at, i.id))),
            deliveries=tuple(sorted(pending, key=lambda d: (d.created_at, d.id))),
            silences=tuple(sorted(self._silences.values(), key=lambda s: s.id)),
            findings=tuple(sorted(self._findings.values(), key=lambda kept: kept.id)),
            facts=dict(self._facts),
        )

    async def commit(self, entry: Entry) -> None:
        """Keep `entry`. Raises StoreError where the store is not open, or where no file could keep it either."""
        await asyncio.sleep(0)  # as with a file, others may run before it is done
        self._must_be_open()
        sheet = _rows.sheet([entry])
        self._agents.update(entry.agents)
        for name in entry.forgotten:
            self._agents.pop(name, None)
        self._incidents.update((i.id, i) for i in entry.incidents)
        self._deliveries.update((d.id, d) for d in entry.deliveries)
        self._silences.update((s.id, s) for s in entry.silences)
        for id_, kept in entry.findings:
            self._findings.pop(id_, None)
            if kept is not None:
                self._findings[id_] = kept
        self._facts.update(entry.facts)
        for row in map(_rows.row, sheet.rows):
            number = row.id or self._last_row + 1
            self._last_row = max(self._last_row, number)
            self._rows[number] = replace(row, id=number)
            if len(self._rows) > _ROWS_KEPT:
                self._rows.popitem(last=False)

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
        """Return log records as `ports.History.rows` has it."""
        self._must_be_open()
        found = (
            row
            for row in self._rows.values()
            if row.at >= since
            and row.id > after
            and (before is None or row.id < before)
            and agent in {None, row.agent}
            and (events is None or row.event in events)
        )
        if after:
            return heapq.nsmallest(limit, found, key=lambda row: row.id)
        return heapq.nlargest(limit, found, key=lambda row: row.id)[::-1]

    async def incidents(
        self, *, since: float = 0.0, before: tuple[float, str] | None = None, limit: int = 1000
    ) -> Sequence[Incident]:
        """Return the newest `limit` incidents opened at or after `since`, newest first."""
        self._must_be_open()
        found = (
            i
            for i in self._incidents.values()
            if i.opened_at >= since and (before is None or (i.opened_at, i.id) < before)
        )
        return heapq.nlargest(limit, found, key=lambda i: (i.opened_at, i.id))

    async def prune(self, before: float) -> int:
        """Forget what is older than `before` (s since the epoch); return how many log records and incidents went."""
        self._must_be_open()
        pending = {d.incident for d in self._deliveries.values() if d.state is DeliveryState.PENDING}
        old = [
            i.id
            for i in self._incidents.values()
            if i.state is IncidentState.RESOLVED and (i.resolved_at or 0.0) < before and i.id not in pending
        ]
        kept = OrderedDict((number, row) for number, row in self._rows.items() if row.at >= before)
        count = len(old) + len(self._rows) - len(kept)
        self._rows = kept
        for key in old:
            del self._incidents[key]
        self._deliveries = {
            key: d for key, d in self._deliveries.items() if d.state is DeliveryState.PENDING or d.created_at >= before
        }
        self._silences = {key: s for key, s in self._silences.items() if s.ends_at >= before}
        return count

    async def close(self) -> None:
        """Close; everything is kept for the next `open`."""
        self._open = False

    def _must_be_open(self) -> None:
        if not self._open:
            raise StoreError("the journal in memory is not open")
