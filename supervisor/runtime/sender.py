"""One message on its way through a channel, and what becomes of each notice in it.

Many notices are taken and settled some at a time: a storm must not hold up the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TypeVar

from supervisor.domain import delivery as deliveries
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Accepted, Delivery, DeliveryState, Failed, NoticeKind, Outcome
from supervisor.domain.escalation import IncidentState
from supervisor.domain.groups import Group, group_id
from supervisor.domain.messages import message
from supervisor.domain.records import NotificationFailed, NotificationSent
from supervisor.ports import Clock, Links, Notifier, Refresher
from supervisor.runtime.bounding import bounded
from supervisor.runtime.change import Change
from supervisor.runtime.desk import CHANNEL_CAUSE, Desk, agent_of
from supervisor.runtime.journal import Journal
from supervisor.runtime.lane import Batch, Lane
from supervisor.runtime.redaction import redacted

CHANNELS = f"supervisor:{CHANNEL_CAUSE}"
"""How the key of a failing channel's incident begins."""

REFRESHES_LOST = 3
"""So many refreshes in a row that fail are a channel that does not deliver."""

_REFRESHES = "refreshes"
"""In the evidence of a channel's incident: it was opened by refreshes that failed, so many in a row."""

LINKED = 50
"""A message of more incidents has no link: it names them, and would be too long for a mail program."""

_AT_ONCE = 50

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Sender:
    """Sends for the outbox.

    Args:
        timeout: bounds one try (s), where the channel's own time is no longer.
        group_wait: see `Lane`.
        links: makes the links in messages; None: they carry none.
    """

    def __init__(
        self, desk: Desk, journal: Journal, clock: Clock, timeout: float, group_wait: float, links: Links | None
    ) -> None:
        self.timeout = timeout
        self.group_wait = group_wait
        self.links = links
        self._desk = desk
        self._journal = journal
        self._clock = clock

    async def send(self, lane: Lane, batch: Batch) -> None:
        """Try to send what is in `batch`, as one message."""
        # Nobody may hear what the journal could forget: after a crash it would be told anew, under another name.
        await self._journal.settled()
        name = await self._named(batch)
        begun, told = await self._begun(lane, name, batch.deliveries)
        if told is not None:
            outcome = await self.attempt(lane.notifier, await self._linked(lane, told))
            await self._settled(lane, begun, outcome, None if begun[0].id == name else name)

    async def attempt(self, notifier: Notifier, delivery: Delivery) -> Outcome:
        """Return what came of one try. A link never stands in it: who answers with what it was sent tells nobody."""
        outcome = await bounded(notifier, self.timeout, lambda: notifier.send(delivery))
        if isinstance(outcome, Failed):
            return replace(outcome, error=redacted(outcome.error, delivery.message.get("ack_url", "")))
        return outcome

    async def _linked(self, lane: Lane, told: Delivery) -> Delivery:
        """Return what is told with a link to acknowledge it by, where a person reads it and it is not too long."""
        if self.links is None or not lane.groups or told.kind is NoticeKind.RESOLVED:
            return told
        ids = told.message.get("incident_ids", [told.incident])
        if len(ids) > LINKED:
            return told
        try:
            url = await self.links.url(lane.channel, ids, told.created_at)
        except OSError as error:
            _log.warning("no link to acknowledge by: %s: %s", error.filename, error.strerror)
            return told
        return replace(told, message={**told.message, "ack_url": url})

    async def refresh(self, lane: Lane, notifier: Refresher) -> None:
        """Tell the channel again of what is open. That is no notification: no person hears of it, none is written."""
        now = self._clock.now()
        told = [
            Delivery(
                id_ := f"{incident.id}.{incident.sent}",
                incident.id,
                lane.channel,
                NoticeKind.REPEATED,
                {**message(incident, NoticeKind.REPEATED, now), "delivery": id_},
                now,
                now,
            )
            for incident in self._desk.open_incidents()
            if lane.channel in incident.told
        ]
        if not told:
            return
        outcome = await bounded(notifier, self.timeout, lambda: notifier.refresh(told))
        change = Change()
        if not isinstance(outcome, Failed):
            lane.refreshes_lost = 0
            known = self._desk.find(f"{CHANNELS}{lane.channel}")
            if known is not None and _REFRESHES in known.evidence:  # a notice that was refused, a notice takes back
                self._channel_delivers(change, lane.channel)
        else:
            lane.refreshes_lost += 1
            if outcome.permanent or lane.refreshes_lost >= REFRESHES_LOST:
                self._channel_failed(change, lane.channel, outcome, {_REFRESHES: lane.refreshes_lost})
        if change.incidents:
            await self._journal.commit(change)

    # --- inside ---

    async def _named(self, batch: Batch) -> str:
        """Write down the message's dedup id before its first try: no crash may tell these under another one."""
        waiting = (self._desk.deliveries.get(id_) for id_ in batch.deliveries)
        fresh = [delivery.id for delivery in waiting if delivery is not None and not delivery.group]
        name = batch.name or (fresh[0] if len(fresh) == 1 else group_id(fresh))
        async for part, change in self._in_parts(fresh):
            for id_ in part:
                if (known := self._desk.deliveries.get(id_)) is not None:
                    self._desk.update(change, replace(known, group=name))
        await self._journal.settled()
        return name

    async def _begun(self, lane: Lane, name: str, ids: Sequence[str]) -> tuple[list[Delivery], Delivery | None]:
        """Begin a try with each of these that is still to be told; return them, and what the channel is to send."""
        now, begun, group = self._clock.now(), list[Delivery](), Group(name, lane.channel)
        async for part, change in self._in_parts(ids):
            for id_ in part:
                delivery = self._desk.deliveries.get(id_)
                if delivery is None:
                    continue
                if delivery.next_at > now:
                    lane.add(delivery, self.group_wait)
                elif name != id_ and delivery.attempts and self._is_over(delivery):
                    # It may have arrived with an earlier try: the channel hears the end of it.
                    self._desk.took(change, delivery)
                    self._desk.update(change, deliveries.cancelled(delivery))
                elif not self._desk.take_back(change, delivery):
                    begun.append(deliveries.begun(delivery, now))
                    self._desk.update(Change(), begun[-1])  # written with what comes of it
                    group.add(begun[-1])
        if not begun:
            return begun, None
        return begun, begun[0] if begun[0].id == name else group.delivery()

    async def _settled(self, lane: Lane, begun: Sequence[Delivery], outcome: Outcome, group: str | None) -> None:
        now = self._clock.now()
        async for part, change in self._in_parts(begun):
            for one in part:
                current = self._desk.deliveries.get(one.id)
                if current is None:
                    continue
                after = deliveries.settle(current, outcome, now)
                if isinstance(outcome, Failed):
                    after = self._failed(change, after, outcome, group)
                elif not isinstance(outcome, Accepted):
                    self._taken(change, after, group)
                self._desk.update(change, after)
                if after.state is DeliveryState.PENDING:
                    lane.add(after, self.group_wait)
            if isinstance(outcome, Failed):
                if outcome.permanent or deliveries.exhausted(part[0]):
                    self._channel_failed(change, lane.channel, outcome, {"attempts": part[0].attempts})
            elif not isinstance(outcome, Accepted):
                self._channel_delivers(change, lane.channel)
        await self._journal.settled()

    async def _in_parts(self, items: Sequence[T]) -> AsyncIterator[tuple[Sequence[T], Change]]:
        """Yield the items some at a time, each time with a change that is then posted."""
        for first in range(0, len(items), _AT_ONCE):
            change = Change()
            yield items[first : first + _AT_ONCE], change
            if change.deliveries or change.records or change.silences:
                self._journal.post(change)
            if len(items) > _AT_ONCE:
                await asyncio.sleep(0)

    def _taken(self, change: Change, delivery: Delivery, group: str | None) -> None:
        self._desk.took(change, delivery)
        change.records.append(
            NotificationSent(
                delivery.incident,
                delivery.channel,
                delivery.kind.value,
                delivery.id,
                delivery.attempts,
                self._agent(delivery),
                group,
            )
        )

    def _failed(self, change: Change, delivery: Delivery, outcome: Failed, group: str | None) -> Delivery:
        """Note a try that failed; return the delivery, withdrawn where it is no use any more."""
        spent = deliveries.exhausted(delivery)
        waits = delivery.state is DeliveryState.PENDING
        if waits and ((spent and self._is_over(delivery)) or self._desk.take_back(change, delivery)):
            delivery = deliveries.cancelled(delivery)
        change.records.append(
            NotificationFailed(
                delivery.incident,
                delivery.channel,
                delivery.kind.value,
                delivery.id,
                delivery.attempts,
                outcome.error,
                delivery.next_at if delivery.state is DeliveryState.PENDING else None,
                self._agent(delivery),
                group,
            )
        )
        if outcome.permanent or spent:
            self._desk.failed(change, delivery)
        return delivery

    def _is_over(self, delivery: Delivery) -> bool:
        """Whether it tells of an incident that is over, and not of the end."""
        incident = self._desk.get(delivery.incident)
        over = incident is None or incident.state is IncidentState.RESOLVED
        return over and delivery.kind is not NoticeKind.RESOLVED

    def _channel_failed(self, change: Change, channel: str, outcome: Failed, tried: dict[str, int]) -> None:
        summary = f"channel {channel} does not deliver: {outcome.error}"
        evidence = {"channel": channel, **tried}
        self._desk.open(change, f"{CHANNELS}{channel}", Severity.WARNING, summary, evidence)

    def _channel_delivers(self, change: Change, channel: str) -> None:
        self._desk.resolve(change, f"{CHANNELS}{channel}", f"channel {channel} delivers again")

    def _agent(self, delivery: Delivery) -> str | None:
        incident = self._desk.get(delivery.incident)
        return None if incident is None else agent_of(incident)
