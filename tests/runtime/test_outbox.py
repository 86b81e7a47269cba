"""Notifications whatever the channels do, and whenever the supervisor dies."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import (
    RETRY_DELAYS,
    Accepted,
    Delivered,
    Delivery,
    DeliveryState,
    Failed,
    NoticeKind,
    Outcome,
)
from supervisor.domain.groups import GROUP
from supervisor.ports import UnknownNameError
from supervisor.runtime.change import Change
from supervisor.runtime.plan import BooksPlan
from tests.support.actors import ScriptedChannel
from tests.support.machine import VirtualLoop
from tests.support.world import VIRTUAL, agent, town

CHANNELS = ("caine", "person", "pager")
KEYS = ("a:heartbeat", "b:heartbeat", "fleet:silent")


class Channel:
    """Takes, refuses, raises, hangs; what arrives may arrive though the sender is told otherwise."""

    def __init__(self) -> None:
        self.next: list[str] = []
        self.tries: list[Delivery] = []
        self.arrived: list[Delivery] = []
        self.taken: list[str] = []

    async def send(self, delivery: Delivery) -> Outcome:
        what = self.next.pop(0) if self.next else "takes"
        self.tries.append(delivery)
        if what in {"takes", "takes slowly", "takes and hangs", "takes and raises", "accepts"}:
            self.arrived.append(delivery)
        if what == "takes slowly":
            await asyncio.sleep(7.0)
        if what in {"takes and hangs", "hangs"}:
            await asyncio.sleep(1e6)
        if what in {"takes and raises", "raises"}:
            raise RuntimeError(what)
        if what == "accepts":
            return Accepted(5.0)
        if what == "refuses":
            return Failed("refused", permanent=True)
        if what in {"fails", "is busy"}:
            return Failed("failed", retry_after=40.0 if what == "is busy" else None)
        self.taken.append(delivery.id)
        return Delivered()

    async def close(self) -> None:
        pass


class Reader(Channel):
    """Takes many incidents in one message: what arrives is each of them. `twice`: who stood in one message twice."""

    takes_groups = True

    def __init__(self) -> None:
        super().__init__()
        self.twice: list[str] = []
        self.members: dict[str, set[str]] = defaultdict(set)

    async def send(self, delivery: Delivery) -> Outcome:
        told, taken = len(self.arrived), len(self.taken)
        outcome = Failed("")
        try:
            outcome = await super().send(delivery)  # type: ignore[assignment]
        finally:
            if delivery.message["type"] == GROUP:
                lines = delivery.message["incidents"]
                kinds = {line["incident"]: NoticeKind(line["kind"]) for line in lines}
                if len(kinds) < len(lines):
                    self.twice.append(delivery.id)
                ones = [replace(delivery, incident=one, kind=kind) for one, kind in kinds.items()]
                self.arrived[told:] = ones if len(self.arrived) > told else []
                self.taken[taken:] = list(kinds) if len(self.taken) > taken else []
                # Who drops out of a message comes not back into it, and nobody joins it.
                assert not self.members[delivery.id] or set(kinds) <= self.members[delivery.id]
                self.members[delivery.id] = set(kinds)
        return outcome


class Beacon(Channel):
    """Wants to hear again of what is open. `wrong`: what it heard again of, and should not have."""

    refresh_every = 300.0

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    async def refresh(self, deliveries: Sequence[Delivery]) -> Outcome:
        heard = {delivery.incident for delivery in self.arrived}
        over = {delivery.incident for delivery in self.arrived if delivery.kind is NoticeKind.RESOLVED}
        again = [delivery.incident for delivery in deliveries]
        self.wrong += [incident for incident in again if incident not in heard or incident in over]
        return Delivered()


MOODS = st.sampled_from(
    [
        "takes",
        "takes slowly",
        "takes and hangs",
        "takes and raises",
        "accepts",
        "hangs",
        "raises",
        "refuses",
        "fails",
        "is busy",
    ]
)


class Notifying(RuleBasedStateMachine):
    """People are told at least once, hear the end of all that they heard of, and each thing has one name."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.loop.setup_looptime(noop_cycles=0, _enabled=True)
        self.channels: dict[str, Channel] = {"caine": Beacon(), "person": Reader(), "pager": Channel()}
        self.cancelled: dict[str, int] = {}

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        async def begin() -> None:
            chain = (("caine", "0s"), ("person", "5m"), ("pager", "15m"))
            self.town = town(x=agent(None), chain=chain, books=BooksPlan(resync_every=1e9))
            self.town.channels.update(self.channels)  # type: ignore[arg-type]
            await self.town.start()

        self.do(begin())

    @rule(key=st.sampled_from(KEYS), severity=st.sampled_from(list(Severity)))
    def incident_opens(self, key: str, severity: Severity) -> None:
        async def open_() -> None:
            await asyncio.sleep(0.001)  # the moment of its opening is a part of its name
            change = Change()
            self.town.daemon.desk.open(change, key, severity, "it is wrong", {})
            await self.town.daemon.journal.commit(change)

        self.do(open_())

    @rule(key=st.sampled_from(KEYS))
    def incident_is_over(self, key: str) -> None:
        async def resolve() -> None:
            change = Change()
            self.town.daemon.desk.resolve(change, key, "it is over")
            await self.town.daemon.journal.commit(change)

        self.do(resolve())

    @precondition(lambda self: bool(self.town.daemon.desk.open_incidents()))
    @rule(data=st.data(), seconds=st.sampled_from([10.0, 600.0]))
    def somebody_acknowledges(self, data: st.DataObject, seconds: float) -> None:
        incident = data.draw(st.sampled_from([one.id for one in self.town.daemon.desk.open_incidents()]))

        async def acknowledge() -> None:
            await self.town.control.acknowledge(incident, "me", seconds)

        self.do(acknowledge())

    @rule(key=st.sampled_from(KEYS), seconds=st.sampled_from([30.0, 1200.0]))
    def somebody_silences(self, key: str, seconds: float) -> None:
        async def silence() -> None:
            await self.town.control.silence(key, seconds, "me", "quiet")

        self.do(silence())

    @rule(name=st.sampled_from(CHANNELS), moods=st.lists(MOODS, max_size=8))
    def channel_is_moody(self, name: str, moods: list[str]) -> None:
        self.channels[name].next = moods

    @rule(seconds=st.sampled_from([0.001, 0.004, 1.0, 4.0, 9.0, 30.0, 200.0, 900.0, 5000.0]))
    def time_passes(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    @rule(softly=st.booleans())
    def supervisor_dies_and_lives_again(self, softly: bool) -> None:
        async def again() -> None:
            self.town.disk.fail_commits = set()
            if self.town.daemon.journal.error is not None:
                await asyncio.sleep(6)  # what the store never got, a life takes with it
            await (self.town.stop() if softly else self.town.kill())
            await self.town.start()

        self.do(again())

    @rule(seconds=st.sampled_from([-7200.0, 7200.0]))
    def wall_clock_is_set(self, seconds: float) -> None:
        async def step() -> None:
            self.town.step_clock(seconds)
            await asyncio.sleep(61)

        self.do(step())

    @rule(commits=st.integers(1, 3))
    def store_fails(self, commits: int) -> None:
        disk = self.town.disk
        disk.fail_commits = set(range(disk.commits + 1, disk.commits + 1 + commits))

    @invariant()
    def each_thing_has_one_name(self) -> None:
        tries = [one for channel in self.channels.values() for one in channel.tries]
        alone = [one for one in tries if one.message["type"] != GROUP]
        named = {(one.id, one.channel, one.incident, one.kind, one.message["summary"]) for one in alone}
        assert len(named) == len({one.id for one in alone})
        assert {one.channel for one in tries if one.message["type"] == GROUP} <= {"person"}
        assert [channel.twice for channel in self.channels.values() if isinstance(channel, Reader)] == [[]]

    @invariant()
    def what_was_withdrawn_stays_so(self) -> None:
        if not hasattr(self, "town"):
            return
        tried = Counter(one.id for channel in self.channels.values() for one in channel.tries)
        for id_, before in self.cancelled.items():
            assert tried[id_] == before, f"{id_} was sent after it was withdrawn"
        for delivery in self.town.disk.store._deliveries.values():
            if delivery.state is DeliveryState.CANCELLED and delivery.id not in self.cancelled:
                self.cancelled[delivery.id] = tried[delivery.id]

    @invariant()
    def only_what_was_heard_and_is_open_is_heard_again(self) -> None:
        assert [channel.wrong for channel in self.channels.values() if isinstance(channel, Beacon)] == [[]]

    def teardown(self) -> None:
        try:
            if hasattr(self, "town"):
                self.do(self._the_end())
        finally:
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.do(self._gone(left))
            self.loop.close()

    async def _gone(self, tasks: set[asyncio.Task[Any]]) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()

    async def _the_end(self) -> None:
        t = self.town
        t.disk.fail_commits = set()
        for channel in self.channels.values():
            channel.next = []
        await asyncio.sleep(6 * 3600)  # acknowledgements and silences are over, everything was tried again
        for incident in t.daemon.desk.open_incidents():
            taken = self.channels["caine"].taken
            assert any(id_.startswith(incident.id) for id_ in taken), f"nobody heard of {incident.key}"
        change = Change()
        for incident in t.daemon.desk.open_incidents():
            t.daemon.desk.resolve(change, incident.key, "it is over")
        await t.daemon.journal.commit(change)
        await asyncio.sleep(3600)
        assert t.daemon.desk.deliveries == {}
        assert t.daemon.desk._incidents == {}
        self._who_heard_the_beginning_hears_the_end()
        await t.stop()
        assert not (await t.disk.store.open()).deliveries

    def _who_heard_the_beginning_hears_the_end(self) -> None:
        kept = self.town.disk.store._deliveries
        for name, channel in self.channels.items():
            heard: dict[str, list[Delivery]] = defaultdict(list)
            for delivery in channel.arrived:
                heard[delivery.incident].append(delivery)
            for incident, arrived in heard.items():
                given_up = any(
                    one.state is DeliveryState.REFUSED
                    or (one.state is DeliveryState.CANCELLED and one.attempts > len(RETRY_DELAYS))
                    for one in kept.values()
                    if one.incident == incident and one.channel == name
                )
                last = arrived[-1].kind
                assert last is NoticeKind.RESOLVED or given_up, f"{name} does not know that {incident} is over"


TestNotifying = Notifying.TestCase
TestNotifying.settings = settings(stateful_step_count=30, deadline=None, max_examples=25)


@VIRTUAL
class TestOutbox:
    async def test_an_unknown_channel_can_not_be_tested(self) -> None:
        async with town(a=agent(None)) as t:
            with pytest.raises(UnknownNameError, match="no channel fax"):
                await t.control.test_notify("fax", "me")
            assert set(await t.control.test_notify("caine", "me")) == {"caine"}

    async def test_what_is_accepted_is_sent_once_it_is_read_and_the_next_step_waits_for_that(self) -> None:
        caine, person = Channel(), Channel()
        caine.next = ["accepts", "accepts", "accepts", "refuses"]
        made = town(a=agent(None), chain=(("caine", "0s"), ("person", "5m")))
        made.channels.update(caine=caine, person=person)  # type: ignore[arg-type]
        async with made as t:
            t.beat("a")
            await t.until("75m12s")
            assert len(caine.tries) == 3
            assert len({one.id for one in caine.tries}) == 1
            assert t.logged("notification_sent") == t.logged("notification_failed") == []
            await t.sleep("5s")  # it is stuck
            assert [one.channel for one in t.logged("notification_failed")] == ["caine"]
            assert len(person.tries) == 1

    async def test_what_has_no_channel_waits_at_the_desk(self) -> None:
        async with town(a=agent(None)) as t:
            stray = Delivery("x.1", "x", "fax", NoticeKind.TRIGGERED, {"key": "x"}, 0.0, 0.0)
            t.daemon.outbox.push(stray)
            await t.sleep("1m")
            assert t.channel().tries == []

    async def test_a_slow_channel_counts_as_alive_while_it_sends(self) -> None:
        async with town(a=agent(None), outbox_timeout=600.0) as t:
            t.channel().takes = 500.0
            t.beat("a")
            await t.until("82m")
            assert t.daemon.outbox.ticked_at == pytest.approx(t.daemon.outbox._clock.now(), abs=0.1)
            assert not t.daemon.outbox.idle
            await t.until("100m")
            assert t.daemon.outbox.idle

    async def test_a_channel_that_is_taken_away_while_it_sends(self) -> None:
        async with town(a=agent(None), outbox_timeout=600.0) as t:
            t.channel().takes = 60.0
            t.beat("a")
            await t.until("75m10s")
            t.channel_variants = {}
            await t.reload()
            await t.sleep("5m")
            assert t.daemon.desk.deliveries == {}
            assert t.channel().closed == 1
            assert t.logged("notification_sent") == []

    async def test_a_channel_that_breaks_its_promise_fails_alone(self) -> None:
        class Stranger(ScriptedChannel):
            def send(self, delivery: Delivery) -> Any:  # type: ignore[override]
                raise RuntimeError(f"no coroutine for {delivery.channel}")

        t = town(a=agent(None), chain=(("caine", "0s"), ("person", "5m")))
        t.channels["caine"] = Stranger()
        async with t:
            t.beat("a")
            await t.until("81m")
            assert t.logged("notification_failed", channel="caine")[0].error == "RuntimeError: no coroutine for caine"
            assert t.logged("service_failed") == []
            assert t.channel("person").kinds() == ["triggered"]

    async def test_what_is_withdrawn_while_the_journal_is_slow_is_not_sent(self) -> None:
        async with town(a=agent(None)) as t:
            t.beat("a")
            await t.until("74m")
            t.disk.latency = 1.0
            await t.until("75m0.2s")
            change = Change()
            t.daemon.desk.resolve(change, "a:heartbeat", "by hand")
            t.daemon.journal.post(change)
            await t.sleep("1m")
            assert t.channel().tries == []

    async def test_what_is_withdrawn_while_it_is_sent_leaves_no_trace_but_the_end(self) -> None:
        async with town(a=agent(None)) as t:
            t.beat("a")
            await t.until("5h")  # the first repetition comes after four hours
            t.channel().takes = 5.0
            await t.until("315m2s")
            t.beat("a")
            await t.sleep("1m")
            assert t.channel().kinds() == ["triggered", "repeated", "resolved"]
            assert [record.kind for record in t.logged("notification_sent")] == ["triggered", "resolved"]
            assert t.daemon.desk.deliveries == {}
