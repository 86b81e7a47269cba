"""What came about in a window of time: asked of the logs, of the books, and of the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from supervisor.domain import metrics
from supervisor.domain.metrics import Latency, Metrics
from supervisor.domain.records import BooksTotals
from supervisor.domain.totals import Tally, Totals
from supervisor.formats.activity import Activity
from supervisor.ports import Clock, Offload, Row, Store, StoreError
from supervisor.runtime.activities import Activities
from supervisor.runtime.reconciler import Reconciler
from supervisor.runtime.verdict import totals_of

_NEAR = 3600.0
"""How long (s) before the window the totals are looked for at first: they are written every few minutes."""

_ROWS = 10_000

_PATIENCE = 1.0
"""Longest wait (s) for the books' thread: whoever scrapes has little."""


class Measures:
    """Brings the figures together.

    Args:
        offload: the books' own thread, which reads the activity logs as well.
    """

    def __init__(self, activities: Activities, books: Reconciler, store: Store, clock: Clock, offload: Offload) -> None:
        self._activities = activities
        self._books = books
        self._store = store
        self._clock = clock
        self._offload = offload

    async def activity(self) -> Mapping[Activity, int]:
        """Return what the logs have told of since we began; what is known already, where they can not be read now."""
        now = self._clock.now()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._offload(lambda: self._activities.counts(0.0, now))
        except TimeoutError:
            pass  # the books are being read, or their disk hangs
        return self._activities.totals

    async def over(self, window: float) -> Metrics:
        """Return the figures of the last `window` seconds."""
        now = self._clock.now()
        counts = await self._offload(lambda: self._activities.counts(window, now))
        latency, collected = await self._payments(now - window)
        change, change_since = await self._change(now - window)
        return Metrics(
            now,
            window,
            emails_sent=counts[Activity.EMAILS_SENT],
            payments_detected=counts[Activity.PAYMENTS_DETECTED],
            errors=counts[Activity.ERRORS],
            latency=latency,
            collected=collected,
            change=change,
            change_since=change_since,
        )

    async def _payments(self, begin: float) -> tuple[Latency | None, Mapping[str, Tally] | None]:
        """Return how long the payments took, and what they came to; None where no invoice is known."""
        if self._totals() is None or not self._books.account.files:
            return None, None
        paid = await self._books.paid_since(begin)

        def figures() -> tuple[Latency | None, Mapping[str, Tally]]:
            waits = (metrics.waited(invoice, trail) for invoice, trail in paid)
            latency = metrics.latency(wait for wait in waits if wait is not None)
            return latency, metrics.collected(invoice for invoice, _ in paid)

        return await self._offload(figures)  # there may be many of them

    async def _change(self, begin: float) -> tuple[Totals | None, float | None]:
        """Return what has changed since `begin`, or the moment nearest to it of which totals are known; and that."""
        now, known = self._totals(), await self._known(begin)
        if now is None or known is None:
            return None, None
        since, before = known
        change = metrics.difference(now, before)
        return (change, since) if any(change.values()) else (None, None)

    def _totals(self) -> Totals | None:
        """Return the totals of now; None where the books have not been read, or can not be seen."""
        account = self._books.account
        return account.totals if account.at is not None and account.observed else None

    async def _known(self, begin: float) -> tuple[float, Totals] | None:
        """Return the newest totals that were written by `begin`, else the earliest after it, and when that was."""
        for since in (begin - _NEAR, 0.0):
            try:
                rows = await self._store.rows(since=since, events={BooksTotals.event()}, limit=_ROWS)
            except StoreError:
                return None
            rows = sorted(rows, key=lambda row: row.at)
            earlier = [row for row in rows if row.at <= begin]
            later = rows[len(earlier) :] if not since else []
            for row in (*reversed(earlier), *later):
                if (totals := _read(row)) is not None:
                    return row.at, totals
        return None


def _read(row: Row) -> Totals | None:
    """Return the totals that a record of the journal tells; None where it is damaged, or of another version."""
    try:
        return totals_of(row.fields["totals"])
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
