"""What waits for one channel: messages that were begun, by the time of their next try, and notices that are fresh."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivery
from supervisor.domain.gathering import Pace, send_at
from supervisor.ports import Clock, Grouping, Notifier
from supervisor.runtime.desk import Desk
from supervisor.runtime.mailbox import Mailbox


class Batch(NamedTuple):
    """The ids of deliveries that go in one message; `name` is its dedup id, empty where it has none yet."""

    name: str
    deliveries: list[str]


class Lane:
    """One channel's queue, and when the channel last heard again of what is open.

    A channel that takes no groups is sent each notice on its own, at once. `group_wait`: how long (s) what is not
    critical waits for company.
    """

    def __init__(self, channel: str, notifier: Notifier, desk: Desk, clock: Clock) -> None:
        self.channel = channel
        self.notifier = notifier
        self.mailbox: Mailbox[None] = Mailbox(clock)
        self.ticked_at = clock.now()
        self.sending = False
        self.refreshed_at = 0.0
        self.refreshes_lost = 0
        self._clock = clock
        self._desk = desk
        self.groups = isinstance(notifier, Grouping)
        self._pace = Pace()
        self._begun: list[tuple[float, str]] = []
        self._again_at: dict[str, float] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._due: list[tuple[float, str]] = []
        self._fresh: dict[str, float] = {}
        self._came_at = -inf

    def fill(self, waiting: Iterable[Delivery], group_wait: float) -> None:
        """Let these wait and no others."""
        for kept in (self._begun, self._again_at, self._members, self._due, self._fresh):
            kept.clear()
        for delivery in waiting:
            self.add(delivery, group_wait)

    def add(self, delivery: Delivery, group_wait: float) -> None:
        """Let a delivery wait; one that waits already, until another time."""
        now = self._clock.now()
        if self.groups and not delivery.group:
            urgent = delivery.message.get("severity") == Severity.CRITICAL
            due = max(now, delivery.next_at + (0.0 if urgent else group_wait))
            self._fresh[delivery.id] = due
            heapq.heappush(self._due, (due, delivery.id))
            self._came_at = now
            return
        name = delivery.group if self.groups else delivery.id
        self._members.setdefault(name, {})[delivery.id] = None
        if self._again_at.get(name) != delivery.next_at:
            self._again_at[name] = delivery.next_at
            heapq.heappush(self._begun, (delivery.next_at, name))

    def next_at(self, group_wait: float) -> float:
        """Return when the next message goes, infinity where nothing waits."""
        now, due = self._clock.now(), self._first_due()
        fresh = inf if due == inf else send_at(due, self._came_at, self._pace, now, group_wait)
        return min(self._first_begun(), fresh)

    def is_due(self) -> bool:
        """Whether something should go now, or is only being gathered."""
        return min(self._first_begun(), self._first_due()) <= self._clock.now()

    def take(self, group_wait: float) -> Batch | None:
        """Return what goes now; None where nothing does."""
        now = self._clock.now()
        if self.next_at(group_wait) > now:
            return None
        if self._first_begun() <= now:
            _, name = heapq.heappop(self._begun)
            del self._again_at[name]
            return Batch(name, list(self._members.pop(name)))
        self._pace = self._pace.told(now, group_wait)
        ids = list(self._fresh)
        self._fresh.clear()
        self._due.clear()
        return Batch("", ids)

    def _first_begun(self) -> float:
        while self._begun and self._again_at.get(self._begun[0][1]) != self._begun[0][0]:
            heapq.heappop(self._begun)
        return self._begun[0][0] if self._begun else inf

    def _first_due(self) -> float:
        """Return when the first fresh notice is due that was not withdrawn."""
        while self._due:
            due, id_ = self._due[0]
            if self._fresh.get(id_) == due:
                if id_ in self._desk.deliveries:
                    return due
                del self._fresh[id_]
            heapq.heappop(self._due)
        return inf
