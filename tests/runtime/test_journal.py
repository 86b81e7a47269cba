"""Record -> log and store, whatever the store does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from supervisor.clocks import SystemClock
from supervisor.domain.records import AgentReleased, HeartbeatReceived, Record
from supervisor.domain.vitals import Health
from supervisor.faces.lines import row_fields
from supervisor.ports import Entry, Row, Saved, StoreError, StoreLockedError
from supervisor.runtime import journal as journals
from supervisor.runtime.change import Change
from supervisor.runtime.journal import PATIENCE, RETRY_EVERY, Journal
from tests.support.faults import Disk, FaultyStore
from tests.support.world import VIRTUAL

pytestmark = VIRTUAL


@dataclass
class Bench:
    """A journal, its disk, and what it logged."""

    disk: Disk = field(default_factory=Disk)
    everything: Change = field(default_factory=Change)
    logged: list[str] = field(default_factory=list)
    inherited: list[Saved] = field(default_factory=list)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.store = FaultyStore(self.disk)
        clock = SystemClock(steady=loop.time, wall=lambda: 1000.0 + loop.time(), boot=loop.time)
        self.journal = Journal(
            self.store, clock, self._emit, row_fields, lambda: self.everything, self.inherited.append
        )

    def _emit(self, record: Record, _: float) -> None:
        self.logged.append(record.event())

    async def kept(self) -> list[Row]:
        return list(await self.disk.store.rows(limit=100_000))


@asynccontextmanager
async def writing(bench: Bench) -> AsyncIterator[Journal]:
    await bench.journal.open()
    task = asyncio.create_task(bench.journal.run())
    try:
        yield bench.journal
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def released(by: str) -> Change:
    return Change(records=[AgentReleased("a", by)])


def names(rows: list[Row]) -> list[str]:
    return [row.fields["by"] for row in rows if row.event == "agent_released"]


async def test_commit_returns_when_it_is_written() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        await journal.commit(Change(agents={"a": Health(misses=3)}))
        assert (await bench.disk.store.open()).agents == {"a": Health(misses=3)}


async def test_what_waits_is_written_together_and_in_order() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        await asyncio.gather(*(journal.commit(released(str(number))) for number in range(50)))
        assert names(await bench.kept()) == [str(number) for number in range(50)]
        assert bench.disk.commits <= 2
        assert [row.id for row in await bench.kept()] == list(range(1, 51))


async def test_records_that_are_not_kept_are_only_logged() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        journal.note(HeartbeatReceived("a", 1.0, "ok"))
        journal.note()
        await asyncio.sleep(1)
        assert bench.disk.commits == 0
        assert bench.logged == ["heartbeat_received"]
        journal.note(HeartbeatReceived("a", 1.0, "ok"), AgentReleased("a", "me"))
        await journal.settled()
        assert [row.event for row in await bench.kept()] == ["agent_released"]
        assert len(bench.logged) == 3


async def test_nothing_that_waits_is_settled_at_once() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        begun = asyncio.get_running_loop().time()
        await journal.settled()
        assert asyncio.get_running_loop().time() == begun


async def test_settled_waits_for_what_is_being_written_too() -> None:
    bench = Bench(Disk(latency=0.5))
    async with writing(bench) as journal:
        journal.post(released("x"))
        await asyncio.sleep(0.1)
        await journal.settled()
        assert names(await bench.kept()) == ["x"]


async def test_patience_is_spent_once() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        bench.disk.free.clear()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(10):
            await journal.commit(released(str(number)))
        assert loop.time() - begun == pytest.approx(PATIENCE, abs=0.1)
        bench.disk.free.set()
        await asyncio.sleep(0.1)
        assert names(await bench.kept()) == [str(number) for number in range(10)]


async def test_numbers_go_on_where_an_earlier_life_ended() -> None:
    disk = Disk()
    async with writing(Bench(disk)) as journal:
        await journal.commit(released("x"))
    async with writing(Bench(disk)) as journal:
        await journal.commit(released("y"))
        assert [row.id for row in await Bench(disk).kept()] == [1, 2]


async def test_a_failing_store_is_said_once_and_given_everything_later() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        await journal.commit(Change(agents={"a": Health(), "b": Health()}, facts={"x": "1"}))
        bench.disk.failing = True
        await journal.commit(released("1"))
        assert journal.error == "no space left on device"
        begun = asyncio.get_running_loop().time()
        await journal.commit(Change(records=[AgentReleased("a", "2")], forgotten=["b"]))
        assert asyncio.get_running_loop().time() == begun, "nobody waits for a store that fails"
        await asyncio.sleep(3 * RETRY_EVERY)
        bench.everything = Change(agents={"a": Health(misses=7)})
        bench.disk.failing = False
        await asyncio.sleep(RETRY_EVERY)
        assert journal.error is None
        saved = await bench.disk.store.open()
        assert saved.agents == {"a": Health(misses=7)}
        assert saved.facts["x"] == "1"
        assert names(await bench.kept()) == ["1", "2"]
        assert bench.logged.count("journal_failed") == bench.logged.count("journal_restored") == 1
        assert [row.event for row in await bench.kept()].count("journal_restored") == 1
        await journal.commit(released("3"))
        assert names(await bench.kept()) == ["1", "2", "3"]


async def test_what_is_posted_while_the_store_is_given_everything_is_not_lost() -> None:
    bench = Bench(Disk(latency=1.0))
    async with writing(bench) as journal:
        bench.disk.fail_commits = {1}
        await journal.commit(released("1"))
        await asyncio.sleep(RETRY_EVERY - 1.0 + 1.5)  # in the middle of writing everything
        journal.post(Change(agents={"late": Health()}, records=[AgentReleased("late", "2")]))
        await asyncio.sleep(3)
        assert names(await bench.kept()) == ["1", "2"]
        assert "late" in (await bench.disk.store.open()).agents


async def test_a_try_to_restore_that_fails_changes_nothing() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        bench.disk.fail_commits = {1, 2, 3}
        await journal.commit(released("1"))
        await asyncio.sleep(4 * RETRY_EVERY)
        assert [row.event for row in await bench.kept()] == ["agent_released", "journal_restored"]
        assert bench.logged.count("journal_failed") == 1


async def test_only_the_newest_records_wait_for_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "ROWS_KEPT", 5)
    bench = Bench()
    async with writing(bench) as journal:
        bench.disk.failing = True
        for number in range(20):
            await journal.commit(released(str(number)))
        bench.disk.failing = False
        await asyncio.sleep(2 * RETRY_EVERY)
        assert names(await bench.kept()) == ["15", "16", "17", "18", "19"]


async def test_cancelled_in_the_middle_of_writing_it_is_written_by_the_last_flush() -> None:
    bench = Bench(Disk(latency=5.0))
    async with writing(bench) as journal:
        journal.post(released("1"))
        await asyncio.sleep(1)
        journal.post(released("2"))
    await journal.flush()
    assert names(await bench.kept()) == ["1", "2"]


async def test_a_fault_of_the_store_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    await bench.journal.open()
    commit = bench.store.commit

    async def faulty(entry: Entry) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.store, "commit", faulty)
    bench.journal.post(released("1"))
    with pytest.raises(ZeroDivisionError):
        await bench.journal.flush()
    bench.journal.post(released("2"))
    monkeypatch.setattr(bench.store, "commit", commit)
    task = asyncio.create_task(bench.journal.run())
    await bench.journal.settled()
    task.cancel()
    assert names(await bench.kept()) == ["1", "2"]


async def test_a_locked_store_is_no_fault_to_live_with(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    async def locked() -> Saved:
        raise StoreLockedError("pid 7 has it")

    monkeypatch.setattr(bench.store, "open", locked)
    with pytest.raises(StoreLockedError):
        await bench.journal.open()


async def test_a_store_that_begins_anew_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    async with writing(bench) as journal:
        bench.disk.fail_commits = {1}
        await journal.commit(released("1"))

        async def anew() -> Saved:
            bench.disk.store = type(bench.disk.store)()
            await bench.disk.store.open()
            return Saved(notes=("set aside as journal.db.corrupt-1",))

        monkeypatch.setattr(bench.store, "open", anew)
        bench.everything = Change(agents={"a": Health(misses=2)})
        await asyncio.sleep(2 * RETRY_EVERY)
        kept = await bench.kept()
        assert kept[-1].fields["note"] == "set aside as journal.db.corrupt-1"
        assert (await bench.disk.store.open()).agents == {"a": Health(misses=2)}


async def test_followers_hear_each_kept_record_and_lose_the_oldest_when_slow() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        follower = journal.follow()
        first = asyncio.ensure_future(anext(follower))
        await asyncio.sleep(0)
        journal.note(AgentReleased("a", "0"), HeartbeatReceived("a", 1.0, "ok"))
        assert (await first).fields["by"] == "0"
        for number in range(1, 1501):
            journal.note(AgentReleased("a", str(number)))
        heard = [(await anext(follower)).fields["by"] for _ in range(1000)]
        assert heard == [str(number) for number in range(501, 1501)]
        await follower.aclose()
        assert not journal._followers


async def test_a_store_without_room_at_the_start() -> None:
    bench = Bench()
    bench.disk.failing = True
    assert await bench.journal.open() == Saved()
    assert bench.journal.error
    assert issubclass(StoreLockedError, StoreError)


async def test_the_last_write_is_tried_twice() -> None:
    bench = Bench()
    await bench.journal.open()
    bench.disk.fail_commits = {1}
    bench.journal.post(released("1"))
    await bench.journal.close()
    await bench.disk.store.open()
    assert names(await bench.kept()) == ["1"]


async def test_what_could_not_be_read_at_the_start_is_taken_over_once_before_it_is_written_over() -> None:
    disk = Disk()
    async with writing(Bench(disk)) as journal:
        await journal.commit(Change(agents={"a": Health(misses=3)}))
    bench = Bench(disk)
    disk.failing = True
    async with writing(bench):
        bench.everything = Change(agents={"a": Health()})
        disk.failing, disk.fail_commits = False, {disk.commits + 1}
        await asyncio.sleep(3 * RETRY_EVERY)
        disk.failing = True
        await bench.journal.commit(released("1"))
        disk.failing = False
        await asyncio.sleep(2 * RETRY_EVERY)
        assert [saved.agents for saved in bench.inherited] == [{"a": Health(misses=3)}]
        assert (await disk.store.open()).agents == {"a": Health()}


async def test_what_was_read_at_the_start_is_not_taken_over_again() -> None:
    bench = Bench()
    async with writing(bench) as journal:
        bench.disk.failing = True
        await journal.commit(released("1"))
        bench.disk.failing = False
        await asyncio.sleep(2 * RETRY_EVERY)
        assert bench.inherited == []
        assert journal.error is None
