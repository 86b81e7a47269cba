"""Figures over a window, as the daemon gives them: logs, books and journal together, else no data."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given

from supervisor.domain.invoices import Status
from supervisor.domain.messages import utc
from supervisor.domain.metrics import DAY, Latency, Metrics
from supervisor.domain.totals import Tally
from supervisor.ports import Entry, Row, WatchLost
from supervisor.runtime.verdict import texts, totals_of
from tests.domain.test_metrics import TOTALS
from tests.support.world import BOOKS, STATE, VIRTUAL, VirtualTown, agent, near, town

CACHE = BOOKS.payment_queue.parent
HOUR = 3600.0


def unpaid(there: VirtualTown, number: str, amount: float) -> None:
    document = {"number": number, "client": "acme", "amount": amount, "status": "unpaid"}
    there.write(STATE / "acme" / f"{number}.json", json.dumps(document).encode())


def paid(
    there: VirtualTown, number: str, owed: float, *, ago: float, took: float | None = None, **payment: float
) -> None:
    """Let an invoice have been paid so many seconds `ago`, `took` seconds after the payment was detected."""
    paid_at = there.wall() - ago
    detected = {} if took is None else {"detected_at": utc(paid_at - took)}
    document = {"number": number, "client": "acme", "amount": owed, "status": "paid", "paid_at": utc(paid_at)}
    there.remove(STATE / "acme" / f"{number}.json")
    text = json.dumps({**document, "payment": {**detected, **payment}})
    there.write(STATE / "archive" / "acme" / f"{number}.json", text.encode())


def event(at: float, number: str, name: str, **data: str) -> bytes:
    line = {"timestamp": utc(at), "event_id": f"{number} {name}", "client": "acme", "invoice": number, "event": name}
    return json.dumps({**line, "data": data}).encode() + b"\n"


async def read(there: VirtualTown) -> None:
    """Let the books be read."""
    await there.sleep("3s")


@VIRTUAL
async def test_where_nothing_is_there_is_no_data() -> None:
    async with town(a=agent()) as there:
        await there.sleep("1h")
        assert await there.control.metrics(DAY) == Metrics(near(there.wall()), DAY)


@VIRTUAL
async def test_activities_are_counted_in_their_window() -> None:
    async with town(a=agent()) as there:
        there.write(CACHE / "email_activity.log", there.line(type="EMAIL_SENT"))
        there.write(CACHE / "payment_activity.log", b"")
        await there.sleep("2h")
        there.files.append(CACHE / "email_activity.log", there.line(type="EMAIL_SENT"), there.wall())
        hour, day = [await there.control.metrics(window) for window in (HOUR, DAY)]
        assert (hour.emails_sent, day.emails_sent) == (1, 2)
        assert (day.payments_detected, day.errors) == (0, None)


@VIRTUAL
async def test_whoever_scrapes_does_not_wait_for_a_disk_that_hangs() -> None:
    async with town(a=agent()) as there:
        there.write(CACHE / "email_activity.log", there.line(type="EMAIL_SENT"))
        await there.sleep("1s")
        assert (await there.control.readings()).emails_sent == 1
        there.files.append(CACHE / "email_activity.log", there.line(type="EMAIL_SENT"), there.wall())
        measures, think = there.daemon._instruments._measures, there._think

        async def hang(_: Any) -> Any:
            await there.sleep("1h")

        measures._offload = hang
        begun = there.t
        assert (await there.control.readings()).emails_sent == 1
        assert there.t == near(begun + 1)
        measures._offload = think
        assert (await there.control.readings()).emails_sent == 2


@VIRTUAL
async def test_payments_are_measured_by_the_invoice_else_by_the_event_log() -> None:
    async with town(a=agent()) as there:
        now = there.wall()
        paid(there, "INV-1", 100.0, ago=60, took=10.0, amount=99.5)
        paid(there, "INV-2", 50.25, ago=7200, took=30.0)
        paid(there, "INV-3", 7.0, ago=60)
        paid(there, "INV-4", 1.0, ago=60, took=-5.0)
        paid(there, "INV-5", 2.0, ago=3 * DAY, took=1.0)
        unpaid(there, "INV-6", 1000.0)
        there.write(
            BOOKS.event_log,
            event(now - 500, "INV-3", "state_update", status="unpaid")
            + event(now - 100, "INV-3", "state_update", status="unpaid")
            + event(now - 50, "INV-3", "paid"),
        )
        await read(there)
        hour, day = [await there.control.metrics(window) for window in (HOUR, DAY)]
        assert hour.latency == Latency(2, near(30.0), near(10.0), near(50.0), near(50.0))
        assert hour.collected == {"USD": Tally(3, Decimal("107.5"))}
        assert day.latency == Latency(3, near(30.0), near(30.0), near(50.0), near(50.0))
        assert day.collected == {"USD": Tally(4, Decimal("157.75"))}


@VIRTUAL
async def test_nothing_collected_is_nothing_where_there_are_invoices() -> None:
    async with town(a=agent()) as there:
        unpaid(there, "INV-1", 10.0)
        await read(there)
        found = await there.control.metrics(DAY)
        assert (found.collected, found.latency) == ({}, None)


@VIRTUAL
async def test_the_change_is_that_against_the_totals_at_the_windows_beginning() -> None:
    async with town(a=agent()) as there:
        begun = there.wall()
        unpaid(there, "INV-1", 10.0)
        unpaid(there, "INV-2", 5.5)
        await there.sleep("3h")
        paid(there, "INV-2", 5.5, ago=1)
        await read(there)
        hour, day = [await there.control.metrics(window) for window in (HOUR, DAY)]
        nothing: dict[Status, Any] = {status: {} for status in Status}
        assert hour.change == nothing | {
            Status.UNPAID: {"USD": Tally(-1, Decimal("-5.50"))},
            Status.PAID: {"USD": Tally(1, Decimal("5.50"))},
        }
        assert hour.change_since is not None
        assert HOUR <= there.wall() - hour.change_since <= HOUR + 660  # the books are compared every 10 minutes
        assert day.change == nothing | {
            Status.UNPAID: {"USD": Tally(1, Decimal("10.00"))},
            Status.PAID: {"USD": Tally(1, Decimal("5.50"))},
        }
        assert day.change_since == near(begun)


@VIRTUAL
async def test_totals_from_before_a_long_absence_are_found() -> None:
    async with town(a=agent()) as there:
        unpaid(there, "INV-1", 10.0)
        await there.control.reconcile()
        seen = there.wall()
        await there.sleep("1s")
        await there.kill()
        await there.sleep("5h")
        unpaid(there, "INV-2", 5.5)
        await there.start()
        await read(there)
        found = await there.control.metrics(HOUR)
        assert found.change is not None
        assert found.change[Status.UNPAID] == {"USD": Tally(1, Decimal("5.50"))}
        assert found.change_since == near(seen)


@VIRTUAL
async def test_a_journal_that_can_not_be_read_or_understood_is_no_data() -> None:
    async with town(a=agent()) as there:
        unpaid(there, "INV-1", 10.0)
        await read(there)
        there.disk.failing = True
        found = await there.control.metrics(DAY)
        assert (found.change, found.change_since, found.collected) == (None, None, {})
        there.disk.failing = False
        damaged: tuple[dict[str, Any], ...] = (
            {},
            {"totals": None},
            {"totals": [7]},
            {"totals": ["unpaid USD 1"]},
            {"totals": ["unpaid USD one 10"]},
            {"totals": ["unpaid USD 1 much"]},
            {"totals": ["lost USD 1 10"]},
        )
        older = [Row(there.wall() - DAY - n, "books_totals", None, None, fields) for n, fields in enumerate(damaged)]
        await there.disk.store.commit(Entry(rows=tuple(older)))
        found = await there.control.metrics(DAY)
        assert found.change_since is not None
        assert found.change_since > there.wall() - DAY


@VIRTUAL
async def test_books_that_can_not_be_seen_or_are_not_read_yet_are_no_data() -> None:
    async with town(a=agent()) as there:
        there.write(CACHE / "error.log", there.line(level="ERROR"))
        unpaid(there, "INV-1", 10.0)
        await read(there)
        there.source.say(WatchLost(STATE, "gone"))
        await there.sleep("1s")
        found = await there.control.metrics(DAY)
        assert replace(found, at=0.0) == Metrics(0.0, DAY, errors=1)


@VIRTUAL
async def test_many_ask_at_the_same_time() -> None:
    async with town(a=agent()) as there:
        there.write(CACHE / "error.log", there.line(level="ERROR"))
        found = await asyncio.gather(*(there.control.metrics(DAY) for _ in range(5)))
        assert [one.errors for one in found] == [1] * 5


@given(TOTALS)
def test_totals_come_back_from_the_journal_as_they_were(totals: Any) -> None:
    assert totals_of(texts(totals)) == totals
