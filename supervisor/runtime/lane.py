"""What waits for one channel: messages that were begun, by the time of their next try, and notices that are fresh."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from supervisor.domain.delivery import Delivery
from supervisor.domain.gathering import Pace, due_at, is_urgent, send_at, urgent_wait
from supervisor.ports import Clock, Grouping, Notifier, Refresher
from supervisor.runtime.desk import Desk
from supervisor.runtime.mailbox import Mailbox


class Batch(NamedTuple):
    """The ids of deliveries that go in one message; `name` is its dedup id, empty where it has none yet."""

    name: str
    deliveries: list[str]


class _Fresh:
    """Fresh notices of one pace."""

    def __init__(self, desk: Desk) -> None:
        self.pace = Pace()
        self._desk = desk
        self._due: list[tuple[float, str]] = []
        self._due_at: dict[str, float] = {}

    def add(self, id_: str, due: float) -> None:
        """Let one wait; one that waits already, until another time."""
        self._due_at[id_] = due
        heapq.heappush(self._due, (due, id_))

    def first_due(self) -> float:
        """Return when the first of them is due that was not withdrawn."""
        while self._due:
            due, id_ = self._due[0]
            if self._due_at.get(id_) == due:
                if id_ in self._desk.deliveries:
                    return due
                del self._due_at[id_]
            heapq.heappop(self._due)
        return inf

    def send_at(self, came_at: float, now: float, wait: float) -> float:
        """Return when they go, infinity where there are none."""
        due = self.first_due()
        return inf if due == inf else send_at(due, came_at, self.pace, now, wait)

    def take(self) -> list[str]:
        """Return them all, and keep none."""
        ids = list(self._due_at)
        self.clear()
        return ids

    def clear(self) -> None:
        """Keep none."""
        self._due.clear()
        self._due_at.clear()


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
        self.refresher = notifier if isinstance(notifier, Refresher) else None
        self._begun: list[tuple[float, str]] = []
        self._again_at: dict[str, float] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._urgent = _Fresh(desk)
        self._other = _Fresh(desk)
        self._came_at = -inf

    def fill(self, waiting: Iterable[Delivery], group_wait: float) -> None:
        """Let these wait and no others."""
        for kept in (self._begun, self._again_at, self._members, self._urgent, self._other):
            kept.clear()
        for delivery in waiting:
            self.add(delivery, group_wait)

    def add(self, delivery: Delivery, group_wait: float) -> None:
        """Let a delivery wait; one that waits already, until another time."""
        now = self._clock.now()
        if self.groups and not delivery.group:
            fresh = self._urgent if is_urgent(delivery) else self._other
            fresh.add(delivery.id, max(now, due_at(delivery, group_wait)))
            self._came_at = now
            return
        name = delivery.group if self.groups else delivery.id
        self._members.setdefault(name, {})[delivery.id] = None
        if self._again_at.get(name) != delivery.next_at:
            self._again_at[name] = delivery.next_at
            heapq.heappush(self._begun, (delivery.next_at, name))

    def next_at(self, group_wait: float) -> float:
        """Return when the next message goes, infinity where nothing waits."""
        now = self._clock.now()
        urgent = self._urgent.send_at(self._came_at, now, urgent_wait(group_wait))
        return min(self._first_begun(), urgent, self._other.send_at(self._came_at, now, group_wait))

    def is_due(self) -> bool:
        """Whether something should go now, or is only being gathered."""
        return min(self._first_begun(), self._urgent.first_due(), self._other.first_due()) <= self._clock.now()

    def take(self, group_wait: float) -> Batch | None:
        """Return what goes now; None where nothing does."""
        now = self._clock.now()
        if self.next_at(group_wait) > now:
            return None
        if self._first_begun() <= now:
            _, name = heapq.heappop(self._begun)
            del self._again_at[name]
            return Batch(name, list(self._members.pop(name)))
        urgent, other = self._urgent.take(), self._other.take()
        if urgent:
            self._urgent.pace = self._urgent.pace.told(now, urgent_wait(group_wait))
        self._other.pace = self._other.pace.told(now, group_wait)
        return Batch("", [*urgent, *other])

    def _first_begun(self) -> float:
        while self._begun and self._again_at.get(self._begun[0][1]) != self._begun[0][0]:
            heapq.heappop(self._begun)
        return self._begun[0][0] if self._begun else inf
