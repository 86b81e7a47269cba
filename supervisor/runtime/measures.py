"""What came about in a window of time: asked of the logs, of the books, and of the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from supervisor.domain import metrics
from supervisor.domain.metrics import Latency, Metrics
from supervisor.domain.totals import Tally
from supervisor.formats.activity import Activity
from supervisor.ports import Clock, Offload
from supervisor.runtime.activities import Activities
from supervisor.runtime.past import Past
from supervisor.runtime.reconciler import Reconciler

_PATIENCE = 1.0
"""Longest wait (s) for the books' thread: whoever scrapes has little."""


class Measures:
    """Brings the figures together.

    Args:
        offload: the books' own thread, which reads the activity logs as well.
    """

    def __init__(self, activities: Activities, books: Reconciler, past: Past, clock: Clock, offload: Offload) -> None:
        self._activities = activities
        self._books = books
        self._past = past
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
        await self._past.read(now)
        change, change_since = self._past.change(self._books.account, now - window)
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
        account = self._books.account
        if account.at is None or not account.observed or not account.files:
            return None, None
        paid = await self._books.paid_since(begin)

        def figures() -> tuple[Latency | None, Mapping[str, Tally]]:
            waits = (metrics.waited(invoice, trail) for invoice, trail in paid)
            latency = metrics.latency(wait for wait in waits if wait is not None)
            return latency, metrics.collected(invoice for invoice, _ in paid)

        return await self._offload(figures)  # there may be many of them
