"""The totals of the books as the journal tells them: read on from where it was left, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from supervisor.domain import trend
from supervisor.domain.account import Account
from supervisor.domain.metrics import DAY, LONGEST
from supervisor.domain.records import BooksTotals
from supervisor.domain.totals import Totals
from supervisor.domain.trend import Stand, Trend
from supervisor.ports import Offload, Row, Store, StoreError
from supervisor.runtime.verdict import totals_of

_ROWS = 10_000
"""Comparisons that are read at once, the newest: one every ten minutes for two months."""

_WHOLE = LONGEST + DAY / 24
"""How far back (s) every comparison is kept, for the longest window; of the days before, the last of each."""


class Past:
    """Remembers how the totals went. `offload` takes the decoding away from the event loop."""

    def __init__(self, store: Store, offload: Offload) -> None:
        self._store = store
        self._offload = offload
        self._stands: Sequence[Stand] = ()
        self._days: tuple[Stand, ...] = ()
        self._last_row = 0
        self._reading = asyncio.Lock()

    async def read(self, now: float) -> None:
        """Take in what the journal has gained; where it can not be read, what is known stays.

        What is over at `now` is thinned: a record of a clock that was ahead thins no more than others.
        """
        async with self._reading:
            events = {BooksTotals.event()}
            try:
                rows = await self._store.rows(after=self._last_row, events=events, limit=_ROWS)
            except StoreError:
                return
            if rows:
                self._stands, self._days = await self._offload(lambda: _with(self._stands, rows, now))
                self._last_row = rows[-1].id

    def change(self, account: Account, begin: float) -> tuple[Totals | None, float | None]:
        """Return what has changed since `begin` (s since the epoch), and since when, as `Trend` has it."""
        present = _present(account)
        return (None, None) if present is None else trend.change(present, self._stands, begin)

    def trend(self, account: Account, now: float) -> Trend:
        """Return how the totals came to those of `account`, as far as that was read; from any thread."""
        present = _present(account)
        days = trend.by_day([*self._days, *(() if present is None else (present,))])
        return Trend(*self.change(account, now - DAY), days)


def _present(account: Account) -> Stand | None:
    """Return the totals of now; None where the books have not been read, or can not be seen."""
    return Stand(account.at, account.totals) if account.at is not None and account.observed else None


def _with(known: Sequence[Stand], rows: Sequence[Row], now: float) -> tuple[Sequence[Stand], tuple[Stand, ...]]:
    """Return `known` and what the records tell besides, and the days of it; a record that can not be read is none."""
    stands = sorted((*known, *(stand for row in rows if (stand := _read(row)) is not None)), key=lambda one: one.at)
    kept = trend.thinned(stands, now - _WHOLE)
    return kept, trend.by_day(kept)


def _read(row: Row) -> Stand | None:
    """Return the totals that a record tells; None where it is damaged, or of another version."""
    try:
        return Stand(row.at, totals_of(row.fields["totals"]))
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
