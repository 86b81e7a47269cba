"""Incidents, silences, and the deliveries that are not finished."""

from __future__ import annotations

import asyncio
import time

import pytest

from supervisor.clocks import SystemClock
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivery, DeliveryState, NoticeKind
from supervisor.domain.escalation import IncidentState
from supervisor.domain.policy import Chain, Step
from supervisor.domain.records import Record
from supervisor.faces.lines import row_fields
from supervisor.ports import UnknownNameError
from supervisor.runtime.change import Change
from supervisor.runtime.desk import Desk
from supervisor.runtime.journal import Journal
from supervisor.stores.memory import MemoryStore
from tests.support.world import VIRTUAL

pytestmark = VIRTUAL

CHAIN = Chain((Step("caine"), Step("person", 300.0)))


class Bench:
    """A desk whose deliveries are only collected."""

    def __init__(self, chain: Chain = CHAIN) -> None:
        loop = asyncio.get_running_loop()
        self.wall = 1000.0
        self.clock = SystemClock(steady=loop.time, wall=lambda: self.wall + loop.time(), boot=loop.time)
        self.logged: list[Record] = []
        self.pushed: list[Delivery] = []
        self.store = MemoryStore()
        self.journal = Journal(
            self.store, self.clock, lambda record, _: self.logged.append(record), row_fields, Change, lambda _: None
        )
        self.desk = Desk(chain, self.clock, self.journal, self.pushed.append)
        self.change = Change()

    def open(self, key: str = "a:heartbeat", severity: Severity = Severity.CRITICAL) -> str:
        return self.desk.open(self.change, key, severity, f"{key} is wrong", {}).id

    def silence(self, matcher: str, seconds: float) -> None:
        now = self.clock.now()
        self.desk.silencer.add(self.change, matcher, "me", "x", starts_at=now, ends_at=now + seconds)

    def took(self, place: int = 0) -> None:
        """Let the channel take a delivery."""
        delivery = self.desk.deliveries[self.pushed[place].id]
        self.desk.took(self.change, delivery)
        self.desk.update(self.change, replaced(delivery, state=DeliveryState.SENT))

    def kinds(self) -> list[tuple[str, str]]:
        return [(delivery.channel, delivery.kind.value) for delivery in self.pushed]


def replaced(delivery: Delivery, **changes: object) -> Delivery:
    values = {name: getattr(delivery, name) for name in Delivery.__dataclass_fields__}
    return Delivery(**{**values, **changes})


async def test_one_incident_a_key() -> None:
    bench = Bench()
    assert bench.open() == bench.open()
    assert bench.kinds() == [("caine", "triggered")]
    assert [incident.key for incident in bench.desk.open_incidents()] == ["a:heartbeat"]


async def test_it_is_written_with_its_delivery() -> None:
    bench = Bench()
    id_ = bench.open()
    assert set(bench.change.incidents) == {id_}
    assert [delivery.incident for delivery in bench.change.deliveries.values()] == [id_]
    assert [record.event() for record in bench.change.records] == ["incident_opened", "escalation_triggered"]


async def test_worse_news_break_an_acknowledgement() -> None:
    bench = Bench()
    id_ = bench.open(severity=Severity.WARNING)
    bench.took()
    bench.desk.acknowledge(bench.change, id_, "me", None)
    bench.open(severity=Severity.WARNING)
    assert bench.desk.find("a:heartbeat") is not None
    assert bench.desk.open_incidents()[0].state is IncidentState.ACKNOWLEDGED
    bench.open(severity=Severity.CRITICAL)
    assert bench.desk.open_incidents()[0].state is IncidentState.TRIGGERED
    assert len(bench.pushed) == 2


async def test_a_second_acknowledgement_does_not_shorten_the_first_unless_it_says_so() -> None:
    bench = Bench()
    id_ = bench.open()
    long = bench.desk.acknowledge(bench.change, id_, "me", 7200.0).acked_until
    assert bench.desk.acknowledge(bench.change, id_, "ann", None).acked_until == long
    assert bench.desk.acknowledge(bench.change, id_, "ann", 60.0).acked_until != long


async def test_the_same_key_after_its_end_is_another_incident() -> None:
    bench = Bench()
    first = bench.open()
    bench.desk.resolve(bench.change, "a:heartbeat", "over")
    await asyncio.sleep(1)
    assert bench.open() != first


async def test_resolving_what_is_not_open_does_nothing() -> None:
    bench = Bench()
    bench.desk.resolve(bench.change, "a:heartbeat", "over")
    assert bench.change == Change()


async def test_what_nobody_began_to_send_is_withdrawn_and_forgotten() -> None:
    bench = Bench()
    id_ = bench.open()
    bench.desk.resolve(bench.change, "a:heartbeat", "over")
    assert bench.change.deliveries[f"{id_}.1"].state is DeliveryState.CANCELLED
    assert bench.desk.deliveries == {}
    assert bench.desk.get(id_) is None


async def test_the_end_goes_to_who_took_the_beginning() -> None:
    bench = Bench()
    bench.open()
    bench.took()
    bench.desk.resolve(bench.change, "a:heartbeat", "over")
    assert bench.kinds() == [("caine", "triggered"), ("caine", "resolved")]
    bench.took(1)
    assert bench.desk.deliveries == {}
    assert not bench.desk._incidents
    assert not bench.desk._unfinished


async def test_a_channel_that_takes_it_after_the_end_hears_the_end_too() -> None:
    bench = Bench()
    bench.open()
    bench.desk.update(bench.change, replaced(bench.pushed[0], attempts=1))
    bench.desk.resolve(bench.change, "a:heartbeat", "over")
    assert bench.kinds() == [("caine", "triggered")]
    bench.took()
    assert bench.kinds() == [("caine", "triggered"), ("caine", "resolved")]


@pytest.mark.parametrize("begun", [False, True])
async def test_a_restored_delivery_whose_message_has_a_name_may_have_been_sent(begun: bool) -> None:
    bench = Bench()
    bench.open()
    incident, delivery = bench.desk.open_incidents()[0], bench.pushed[0]
    after = Bench()
    after.desk.restore(after.change, [incident], [replaced(delivery, group=delivery.id if begun else "")], [])
    after.desk.resolve(after.change, "a:heartbeat", "over")
    assert list(after.desk.deliveries) == ([delivery.id] if begun else [])


async def test_what_nobody_began_to_send_is_not_told_once_somebody_looks_after_it() -> None:
    bench = Bench()
    id_ = bench.open()
    bench.desk.acknowledge(bench.change, id_, "me", 60.0)
    assert bench.desk.deliveries == {}
    await asyncio.sleep(61)
    bench.desk.wake(bench.change)
    assert bench.kinds() == [("caine", "triggered"), ("caine", "ack_expired")]


async def test_a_notice_that_did_not_get_through_is_not_tried_again_after_an_acknowledgement() -> None:
    bench = Bench()
    id_ = bench.open()
    bench.desk.update(bench.change, replaced(bench.pushed[0], attempts=1, error="no answer"))
    bench.desk.acknowledge(bench.change, id_, "me", 60.0)
    assert bench.desk.deliveries == {}
    bench.desk.resolve(bench.change, "a:heartbeat", "over")
    assert bench.kinds() == [("caine", "triggered"), ("caine", "resolved")]  # it may have arrived all the same


async def test_a_notice_that_waits_is_replaced_by_a_worse_one() -> None:
    bench = Bench()
    bench.open(severity=Severity.WARNING)
    bench.open(severity=Severity.WARNING)
    assert len(bench.pushed) == 1
    bench.open(severity=Severity.CRITICAL)
    (left,) = bench.desk.deliveries.values()
    assert left.message["severity"] == "critical"
    bench.open(severity=Severity.CRITICAL)
    assert list(bench.desk.deliveries) == [left.id]


async def test_one_notice_waits_for_a_channel_at_a_time() -> None:
    bench = Bench(Chain((Step("caine"),), repeat_interval=60.0))
    bench.open()
    for _ in range(5):
        await asyncio.sleep(60)
        bench.desk.wake(bench.change)
    assert bench.kinds() == [("caine", "triggered")]
    bench.took()
    await asyncio.sleep(60)
    bench.desk.wake(bench.change)
    assert bench.kinds() == [("caine", "triggered"), ("caine", "repeated")]


async def test_nobody_is_told_of_a_dead_channel_through_it() -> None:
    bench = Bench()
    bench.open("supervisor:channel.caine", Severity.WARNING)
    await asyncio.sleep(301)
    bench.desk.wake(bench.change)
    assert bench.kinds() == [("person", "triggered")]
    alone = Bench(Chain((Step("caine"),)))
    alone.open("supervisor:channel.caine", Severity.WARNING)
    assert alone.pushed == []


async def test_unknown_names_are_said() -> None:
    bench = Bench()
    with pytest.raises(UnknownNameError, match="no open incident"):
        bench.desk.acknowledge(bench.change, "nothing", "me", None)
    with pytest.raises(UnknownNameError, match="no silence"):
        bench.desk.silencer.end(bench.change, "nothing", "me")
    id_ = bench.open()
    bench.desk.update(bench.change, replaced(bench.pushed[0], attempts=1))
    bench.desk.resolve(bench.change, "a:heartbeat", "over")
    with pytest.raises(UnknownNameError):
        bench.desk.acknowledge(bench.change, id_, "me", None)


async def test_a_delivery_of_nobodys_incident_hurts_nobody() -> None:
    bench = Bench()
    orphan = Delivery("x.1", "x", "caine", NoticeKind.TRIGGERED, {}, 0.0, 0.0)
    bench.desk.restore(bench.change, [], [orphan], [])
    bench.desk.took(bench.change, orphan)
    bench.desk.failed(bench.change, orphan)
    bench.desk.update(bench.change, replaced(orphan, state=DeliveryState.SENT))
    assert bench.desk.deliveries == {}


async def test_the_end_of_the_end_is_nobodys_business() -> None:
    bench = Bench()
    bench.open()
    bench.took()
    bench.desk.resolve(bench.change, "a:heartbeat", "over")
    before = len(bench.pushed)
    bench.desk.failed(bench.change, bench.pushed[1])
    bench.desk.took(bench.change, bench.pushed[1])
    assert len(bench.pushed) == before


async def test_the_service_sleeps_until_the_next_step() -> None:
    bench = Bench()
    await bench.store.open()
    writer, desk = asyncio.create_task(bench.journal.run()), asyncio.create_task(bench.desk.run())
    bench.open()
    bench.took()
    await asyncio.sleep(299.9)
    assert len(bench.pushed) == 1
    await asyncio.sleep(0.2)
    assert bench.kinds()[1:] == [("person", "triggered")]
    assert [delivery.id for delivery in (await bench.store.open()).deliveries] == [bench.pushed[1].id]
    for task in (writer, desk):
        task.cancel()
    await asyncio.wait({writer, desk})


async def test_many_that_are_due_at_once_are_told_a_few_at_a_time() -> None:
    bench = Bench()
    await bench.store.open()
    for number in range(1000):
        bench.open(f"a{number}:heartbeat")
        bench.took(number)
    await asyncio.sleep(301)
    bench.change = Change()
    bench.desk.wake(bench.change)
    assert 0 < len(bench.change.incidents) < 200
    services = [asyncio.create_task(service()) for service in (bench.journal.run, bench.desk.run)]
    await asyncio.sleep(1)
    assert [channel for channel, _ in bench.kinds()].count("person") == 1000
    for task in services:
        task.cancel()
    await asyncio.wait(services)


async def test_a_step_of_the_clock_moves_everything_that_waits() -> None:
    bench = Bench()
    bench.open()
    bench.silence("b", 600.0)
    bench.wall -= 5000
    bench.clock.resync()
    bench.desk.step_clock(bench.change, -5000.0)
    (incident,) = bench.desk.open_incidents()
    assert incident.opened_at == pytest.approx(-4000)
    assert bench.pushed[-1].next_at == pytest.approx(-4000)
    assert bench.desk.silencer.kept[0].ends_at == pytest.approx(-3400)
    bench.took()
    await asyncio.sleep(301)
    bench.desk.wake(bench.change)
    assert bench.kinds()[-1] == ("person", "triggered")


async def cost(count: int) -> float:
    """Return the CPU (s) of as many incidents that open, are told, taken and resolved, with one silence."""
    bench = Bench()
    bench.silence("nobody", 1e6)
    task = asyncio.create_task(bench.desk.run())
    began = time.process_time()
    for number in range(count):
        bench.open(f"a{number}:heartbeat")
        if not number % 50:
            await asyncio.sleep(0)
    for number in range(count):
        bench.took(number)
        await asyncio.sleep(0)
    await asyncio.sleep(301)
    for number in range(count):
        bench.desk.resolve(bench.change, f"a{number}:heartbeat", "over")
        await asyncio.sleep(0)
    assert not bench.desk.open_incidents()
    spent = time.process_time() - began
    task.cancel()
    await asyncio.wait({task})
    return spent


async def test_ten_times_the_incidents_take_ten_times_as_long() -> None:
    few = min([await cost(200) for _ in range(3)])
    many = await cost(2000)
    assert many < 30 * few, (few, many)
