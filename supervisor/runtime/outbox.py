"""Notifications: written with their transition, sent, then marked. A slow channel delays nobody but itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from supervisor.domain import delivery as deliveries
from supervisor.domain.delivery import Delivery, Failed, NoticeKind, Outcome
from supervisor.domain.messages import test_message
from supervisor.ports import Clock, Notifier, UnknownNameError
from supervisor.runtime.change import Change
from supervisor.runtime.closing import closed
from supervisor.runtime.desk import Desk
from supervisor.runtime.journal import Journal
from supervisor.runtime.lane import Lane
from supervisor.runtime.sender import CHANNELS, Sender

_LONGEST_NAP = 10.0


class Outbox:
    """Sends the desk's deliveries by `sender`."""

    def __init__(self, desk: Desk, journal: Journal, clock: Clock, sender: Sender) -> None:
        self.sender = sender
        self._desk = desk
        self._journal = journal
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._changed = asyncio.Event()

    def push(self, delivery: Delivery) -> None:
        """Take a delivery that is to be sent at its `next_at`. What has no channel yet waits at the desk."""
        lane = self._lanes.get(delivery.channel)
        if lane is not None:
            lane.add(delivery, self.sender.group_wait)
            lane.mailbox.ring()

    def use(self, notifiers: Mapping[str, Notifier]) -> list[Notifier]:
        """Use these channels from now on; return the notifiers that are no longer used, for the caller to close."""
        gone = {name: lane.notifier for name, lane in self._lanes.items() if notifiers.get(name) is not lane.notifier}
        for name in gone:
            self._lanes.pop(name).mailbox.close()
        for name in notifiers.keys() - self._lanes.keys():
            lane = self._lanes[name] = Lane(name, notifiers[name], self._desk, self._clock)
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
        return not any(lane.sending or lane.is_due() for lane in self._lanes.values())

    async def run(self) -> None:
        """Keep one worker per channel, for ever."""
        working: dict[str, tuple[Lane, asyncio.Task[None]]] = {}
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
        outcomes = await asyncio.gather(
            *(self.sender.attempt(lanes[name].notifier, test) for name, test in tests.items())
        )
        return dict(zip(tests, outcomes, strict=True))

    # --- inside ---

    async def _work(self, lane: Lane) -> None:
        self._fill(lane)  # a worker that failed may have had one in its hands
        while True:
            lane.ticked_at = now = self._clock.now()
            while (batch := lane.take(self.sender.group_wait)) is not None:
                with self._busy(lane):
                    await self.sender.send(lane, batch)
                now = lane.ticked_at
            wake_at = min(lane.next_at(self.sender.group_wait), now + _LONGEST_NAP)
            if (refresher := lane.refresher) is not None:
                every = refresher.refresh_every
                if not lane.refreshed_at <= now < lane.refreshed_at + every:  # the clock may have been set back
                    lane.refreshed_at = now
                    with self._busy(lane):
                        await self.sender.refresh(lane, refresher)
                wake_at = min(wake_at, lane.refreshed_at + every)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_NAP):  # where the clock is set back, `wake_at` is far away
                    await lane.mailbox.next(wake_at)

    @contextmanager
    def _busy(self, lane: Lane) -> Iterator[None]:
        lane.sending = True
        try:
            yield
        finally:
            lane.sending = False
            lane.ticked_at = self._clock.now()

    def _fill(self, lane: Lane) -> None:
        waiting = (one for one in self._desk.deliveries.values() if one.channel == lane.channel)
        lane.fill(waiting, self.sender.group_wait)

    def _drop_unsendable(self, change: Change) -> None:
        """Give up what waits for a channel that the configuration has taken away: the next step is told at once."""
        for delivery in list(self._desk.deliveries.values()):
            if delivery.channel not in self._lanes:
                self._desk.failed(change, delivery)
                self._desk.update(change, deliveries.settle(delivery, Failed("no such channel", permanent=True), 0.0))
        for incident in self._desk.open_incidents():
            channel = incident.key.removeprefix(CHANNELS)
            if channel != incident.key and channel not in self._lanes:
                self._desk.resolve(change, incident.key, f"channel {channel} is used no more")
