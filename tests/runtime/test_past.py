"""How the totals went, as the daemon remembers it out of the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from supervisor.domain.account import Account
from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY
from supervisor.domain.totals import Tally
from supervisor.domain.trend import Stand, Trend
from supervisor.ports import Entry, Row, WatchLost
from supervisor.runtime.past import Past
from supervisor.runtime.verdict import texts
from supervisor.stores.memory import MemoryStore
from tests.support.accounts import usd
from tests.support.world import STATE, VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

T = TypeVar("T")


def owed(there: VirtualTown, number: str, amount: float) -> None:
    document = {"number": number, "client": "acme", "amount": amount, "status": "unpaid"}
    there.write(STATE / "acme" / f"{number}.json", json.dumps(document).encode())


def unpaid(trend: Trend) -> list[Decimal]:
    return [stand.totals[Status.UNPAID]["USD"].total for stand in trend.days]


async def test_the_picture_tells_the_change_and_the_days() -> None:
    async with town(a=agent(None)) as there:
        owed(there, "INV-1", 10.0)
        begun = there.wall()
        await there.sleep("30h")
        owed(there, "INV-2", 5.5)
        await there.sleep("30h")
        owed(there, "INV-3", 1.0)
        await there.sleep("1m")
        trend = (await there.control.fleet()).trend
        assert trend.change is not None
        assert trend.change[Status.UNPAID] == {"USD": Tally(1, Decimal("1.00"))}
        assert trend.change_since is not None
        assert DAY <= there.wall() - trend.change_since <= DAY + 660
        assert len(trend.days) == int(there.wall() // DAY - begun // DAY) + 1
        assert unpaid(trend)[0] == 10
        assert unpaid(trend)[-1] == Decimal("16.5")


async def test_the_days_of_earlier_lives_are_remembered_and_those_between_are_none() -> None:
    async with town(a=agent(None)) as there:
        owed(there, "INV-1", 10.0)
        await there.control.reconcile()
        seen = there.wall()
        await there.sleep("1s")
        await there.kill()
        await there.sleep("72h")
        owed(there, "INV-2", 5.5)
        await there.start()
        await there.sleep("1m")
        trend = (await there.control.fleet()).trend
        assert unpaid(trend) == [10, Decimal("15.5")]
        assert trend.change_since == near(seen)


async def test_it_does_not_grow_with_every_comparison() -> None:
    async with town(a=agent(None)) as there:
        owed(there, "INV-1", 10.0)
        await there.sleep("264h")
        assert len((await there.control.fleet()).trend.days) in {11, 12}
        kept = there.daemon._past._stands
        assert len(kept) < 1400  # nine days of a comparison every ten minutes, and the days before


async def test_records_that_can_not_be_read_tell_nothing() -> None:
    async def at_once(work: Callable[[], T]) -> T:
        return work()

    store = MemoryStore()
    await store.open()
    past, books = Past(store, at_once), Account(200.0, usd("12"))
    await store.commit(Entry(rows=(Row(50.0, "books_totals", None, None, {"totals": ["much"]}),)))
    await past.read(200.0)
    assert past.trend(books, 200.0) == Trend(days=(Stand(200.0, usd("12")),))
    await store.commit(Entry(rows=(Row(100.0, "books_totals", None, None, {"totals": texts(usd("10"))}),)))
    await past.read(200.0)
    assert past.change(books, 200.0)[1] == 100.0
    await store.close()
    await past.read(200.0)
    assert past.change(books, 200.0)[1] == 100.0


async def test_a_record_of_a_clock_that_was_ahead_thins_no_others() -> None:
    async def at_once(work: Callable[[], T]) -> T:
        return work()

    store = MemoryStore()
    await store.open()
    told = [(100.0, "10"), (200.0, "11"), (100 * DAY, "12")]
    rows = [Row(at, "books_totals", None, None, {"totals": texts(usd(much))}) for at, much in told]
    await store.commit(Entry(rows=tuple(rows)))
    past = Past(store, at_once)
    await past.read(300.0)
    change, since = past.change(Account(300.0, usd("15")), 100.0)
    assert change is not None
    assert (change[Status.UNPAID], since) == ({"USD": Tally(0, Decimal(5))}, 100.0)


async def test_books_that_can_not_be_seen_have_no_change_but_a_past() -> None:
    async with town(a=agent(None)) as there:
        owed(there, "INV-1", 10.0)
        await there.sleep("26h")
        there.source.say(WatchLost(STATE, "gone"))
        await there.sleep("1s")
        trend = (await there.control.fleet()).trend
        assert trend.change is None
        assert unpaid(trend)[-1] == 10


async def test_a_disk_that_hangs_does_not_hold_up_the_picture_nor_the_page() -> None:
    async with town(a=agent(None)) as there:
        owed(there, "INV-1", 10.0)
        await there.sleep("26h")
        there.disk.free.clear()
        before = there.loop.time()
        trend = (await there.control.fleet()).trend
        assert trend.change is not None
        assert there.loop.time() == before
        assert await there.control.dashboard()
        assert there.loop.time() - before < 15
        assert there.figures is None
        there.disk.free.set()
        assert await there.control.dashboard()
        assert there.figures is not None


async def test_a_check_by_itself_tells_the_change_too() -> None:
    async with town(a=agent(None)) as there:
        owed(there, "INV-1", 10.0)
        await there.sleep("26h")
        await there.kill()
        owed(there, "INV-2", 5.0)
        fleet = await there.once()
        assert fleet.trend.change is not None
        assert fleet.trend.change[Status.UNPAID] == {"USD": Tally(1, Decimal("5.00"))}
