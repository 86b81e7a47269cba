"""Notifications: written with their transition, sent, then marked. A slow channel delays nobody but itself."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from supervisor.domain import delivery as deliveries
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Accepted, Delivery, DeliveryState, Failed, NoticeKind, Outcome
from supervisor.domain.escalation import IncidentState
from supervisor.domain.messages import message, test_message
from supervisor.domain.records import NotificationFailed, NotificationSent
from supervisor.ports import Clock, Notifier, Refresher, UnknownNameError
from supervisor.runtime.change import Change
from supervisor.runtime.closing import closed
from supervisor.runtime.desk import CHANNEL_CAUSE, Desk, agent_of
from supervisor.runtime.journal import Journal
from supervisor.runtime.mailbox import Mailbox

_CHANNELS = f"supervisor:{CHANNEL_CAUSE}"
_LONGEST_NAP = 10.0

REFRESHES_LOST = 3
"""So many refreshes in a row that fail are a channel that does not deliver."""


@dataclass(slots=True)
class _Lane:
    """One channel: its notifier, what waits for it by time, and when it last heard again of what is open."""

    channel: str
    notifier: Notifier
    mailbox: Mailbox[None]
    queue: list[tuple[float, str]] = field(default_factory=list)
    ticked_at: float = 0.0
    sending: bool = False
    refreshed_at: float = 0.0
    refreshes_lost: int = 0


class Outbox:
    """Sends the desk's deliveries. `timeout` (s) bounds one try."""

    def __init__(self, desk: Desk, journal: Journal, clock: Clock, timeout: float) -> None:
        self._desk = desk
        self._journal = journal
        self._clock = clock
        self.timeout = timeout
        self._lanes: dict[str, _Lane] = {}
        self._changed = asyncio.Event()

    def push(self, delivery: Delivery) -> None:
        """Take a delivery that is to be sent at its `next_at`. What has no channel yet waits at the desk."""
        lane = self._lanes.get(delivery.channel)
        if lane is not None:
            heapq.heappush(lane.queue, (delivery.next_at, delivery.id))
            lane.mailbox.ring()

    def use(self, notifiers: Mapping[str, Notifier]) -> list[Notifier]:
        """Use these channels from now on; return the notifiers that are no longer used, for the caller to close."""
        gone = {name: lane.notifier for name, lane in self._lanes.items() if notifiers.get(name) is not lane.notifier}
        for name in gone:
            self._lanes.pop(name).mailbox.close()
        for name in notifiers.keys() - self._lanes.keys():
            lane = self._lanes[name] = _Lane(name, notifiers[name], Mailbox(self._clock), ticked_at=self._clock.now())
            self._fill(lane)
        change = Change()
        self._drop_unsendable(change)
        if change.deliveries or change.incidents:
            self._journal.post(change)
        self._changed.set()
        return list(gone.values())

    async def close(self) -> None:
        """Let go of the channels; what is unsent waits in the journal."""
        for lane in self._lanes.values():
            lane.mailbox.close()
        await closed(*(lane.notifier for lane in self._lanes.values()))

    @property
    def notifiers(self) -> dict[str, Notifier]:
        """The channels in use."""
        return {name: lane.notifier for name, lane in self._lanes.items()}

    @property
    def ticked_at(self) -> float:
        """When the least lively channel last showed that its worker turns; a try under way counts as life."""
        now = self._clock.now()
        return min((now if lane.sending else lane.ticked_at for lane in self._lanes.values()), default=now)

    @property
    def idle(self) -> bool:
        """Whether nothing is being sent, and nothing is due."""
        now = self._clock.now()
        due = any(lane.queue and lane.queue[0][0] <= now for lane in self._lanes.values())
        return not due and not any(lane.sending for lane in self._lanes.values())

    async def run(self) -> None:
        """Keep one worker per channel, for ever."""
        working: dict[str, tuple[_Lane, asyncio.Task[None]]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for name, (lane, task) in list(working.items()):
                    if self._lanes.get(name) is not lane:
                        task.cancel()
                        del working[name]
                for name, lane in self._lanes.items():
                    if name not in working:
                        working[name] = lane, group.create_task(self._work(lane), name=f"channel:{name}")
                await self._changed.wait()

    async def test(self, channel: str | None, by: str) -> dict[str, Outcome]:
        """Send a test message through `channel`, or through each. Raises UnknownNameError."""
        if channel is not None and channel not in self._lanes:
            raise UnknownNameError(f"no channel {channel}")
        lanes = self._lanes if channel is None else {channel: self._lanes[channel]}
        now = self._clock.now()
        tests = {
            name: Delivery(
                f"test.{name}.{now:.6f}", "test", name, NoticeKind.TEST, test_message(name, by, now), now, now
            )
            for name in lanes
        }
        outcomes = await asyncio.gather(*(self._try(lanes[name].notifier, test) for name, test in tests.items()))
        return dict(zip(tests, outcomes, strict=True))

    # --- inside ---

    async def _work(self, lane: _Lane) -> None:
        self._fill(lane)  # a worker that failed may have had one in its hands
        while True:
            lane.ticked_at = now = self._clock.now()
            while lane.queue and lane.queue[0][0] <= now:
                _, id_ = heapq.heappop(lane.queue)
                with self._busy(lane):
                    await self._send(lane, id_)
                now = lane.ticked_at
            wake_at = lane.queue[0][0] if lane.queue else now + _LONGEST_NAP
            if isinstance(lane.notifier, Refresher):
                every = lane.notifier.refresh_every
                if not lane.refreshed_at <= now < lane.refreshed_at + every:  # the clock may have been set back
                    lane.refreshed_at = now
                    with self._busy(lane):
                        await self._refresh(lane, lane.notifier)
                wake_at = min(wake_at, lane.refreshed_at + every)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_NAP):  # where the clock is set back, `wake_at` is far away
                    await lane.mailbox.next(wake_at)

    @contextmanager
    def _busy(self, lane: _Lane) -> Iterator[None]:
        lane.sending = True
        try:
            yield
        finally:
            lane.sending = False
            lane.ticked_at = self._clock.now()

    async def _refresh(self, lane: _Lane, notifier: Refresher) -> None:
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
        outcome = await self._bounded(lambda: notifier.refresh(told))
        change = Change()
        if not isinstance(outcome, Failed):
            lane.refreshes_lost = 0
            self._channel_over(change, lane.channel, f"channel {lane.channel} delivers again")
        else:
            lane.refreshes_lost += 1
            if outcome.permanent or lane.refreshes_lost >= REFRESHES_LOST:
                self._channel_failed(change, lane.channel, outcome, lane.refreshes_lost)
        if change.incidents:
            await self._journal.commit(change)

    def _fill(self, lane: _Lane) -> None:
        waiting = (one for one in self._desk.deliveries.values() if one.channel == lane.channel)
        lane.queue = [(delivery.next_at, delivery.id) for delivery in waiting]
        heapq.heapify(lane.queue)

    async def _send(self, lane: _Lane, id_: str) -> None:
        # Nobody may hear what the journal could forget: after a crash it would be told anew, under another name.
        await self._journal.settled()
        delivery = self._desk.deliveries.get(id_)
        if delivery is None or delivery.next_at > self._clock.now():
            return
        change = Change()
        delivery = deliveries.begun(delivery, self._clock.now())
        self._desk.update(change, delivery)
        outcome = await self._try(lane.notifier, delivery)
        current = self._desk.deliveries.get(id_)
        if current is None:
            return
        after = deliveries.settle(current, outcome, self._clock.now())
        if isinstance(outcome, Failed):
            after = self._failed(change, after, outcome)
        elif not isinstance(outcome, Accepted):
            self._desk.took(change, after)
            self._channel_over(change, after.channel, f"channel {after.channel} delivers again")
            change.records.append(
                NotificationSent(
                    after.incident, after.channel, after.kind.value, after.id, after.attempts, self._agent(after)
                )
            )
        self._desk.update(change, after)
        if after.state is DeliveryState.PENDING:
            heapq.heappush(lane.queue, (after.next_at, after.id))
        await self._journal.commit(change)

    def _failed(self, change: Change, delivery: Delivery, outcome: Failed) -> Delivery:
        """Note a try that failed; return the delivery, withdrawn where it is no use any more."""
        spent = deliveries.exhausted(delivery)
        incident = self._desk.get(delivery.incident)
        over = incident is None or incident.state is IncidentState.RESOLVED
        if spent and over and delivery.kind is not NoticeKind.RESOLVED:
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
            )
        )
        if outcome.permanent or spent:
            self._desk.failed(change, delivery)
            self._channel_failed(change, delivery.channel, outcome, delivery.attempts)
        return delivery

    def _channel_failed(self, change: Change, channel: str, outcome: Failed, attempts: int) -> None:
        summary = f"channel {channel} does not deliver: {outcome.error}"
        evidence = {"channel": channel, "attempts": attempts}
        self._desk.open(change, f"{_CHANNELS}{channel}", Severity.WARNING, summary, evidence)

    def _channel_over(self, change: Change, channel: str, why: str) -> None:
        self._desk.resolve(change, f"{_CHANNELS}{channel}", why)

    def _agent(self, delivery: Delivery) -> str | None:
        incident = self._desk.get(delivery.incident)
        return None if incident is None else agent_of(incident)

    async def _try(self, notifier: Notifier, delivery: Delivery) -> Outcome:
        return await self._bounded(lambda: notifier.send(delivery))

    async def _bounded(self, send: Callable[[], Awaitable[Outcome]]) -> Outcome:
        try:
            async with asyncio.timeout(self.timeout):
                return await send()
        except TimeoutError:
            return Failed(f"no answer within {self.timeout:g} s")
        except Exception as error:  # noqa: BLE001 - a channel from outside may raise anything; it must stay its own fault
            return Failed(f"{type(error).__name__}: {error}")

    def _drop_unsendable(self, change: Change) -> None:
        """Give up what waits for a channel that the configuration has taken away: the next step is told at once."""
        for delivery in list(self._desk.deliveries.values()):
            if delivery.channel not in self._lanes:
                self._desk.failed(change, delivery)
                self._desk.update(change, deliveries.settle(delivery, Failed("no such channel", permanent=True), 0.0))
        for incident in self._desk.open_incidents():
            channel = incident.key.removeprefix(_CHANNELS)
            if channel != incident.key and channel not in self._lanes:
                self._channel_over(change, channel, f"channel {channel} is used no more")
