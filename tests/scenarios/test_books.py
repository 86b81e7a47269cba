"""The books beside the agents, the whole daemon in virtual time: what does not agree is said once it has settled."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

from supervisor.domain.findings import CheckName
from supervisor.domain.invoices import Status
from supervisor.domain.totals import Tally
from supervisor.ports import WatchLost, WatchRestored
from supervisor.runtime.plan import BooksPlan
from tests.support.world import BOOKS, QUEUES, STATE, VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

ENTRY = "- `{number}` | ${amount} | Acme | Due: 2026-03-15 | Status: unpaid"


def place(number: str = "INV-1") -> Any:
    return STATE / "acme" / f"{number}.json"


def invoice(number: str = "INV-1", amount: str = "10.50", status: str = "unpaid") -> bytes:
    return json.dumps({"number": number, "client": "acme", "amount": float(amount), "status": status}).encode()


def ledger(*entries: tuple[str, str], total: str | None = None) -> bytes:
    lines = [ENTRY.format(number=number, amount=amount) for number, amount in entries]
    known = total or sum(Decimal(amount) for _, amount in entries)
    return "\n".join(["## Unpaid", *lines, "## Summary", f"- **Unpaid Total:** ${known}", ""]).encode()


def agree(there: VirtualTown, *entries: tuple[str, str]) -> None:
    """Let invoices and ledger agree."""
    for number, amount in entries:
        there.write(place(number), invoice(number, amount))
    there.write(BOOKS.ledger, ledger(*entries))


async def settled(there: VirtualTown) -> None:
    await there.sleep("35s")


async def test_a_change_is_counted_within_the_quiet_time() -> None:
    async with town(a=agent()) as there:
        there.write(place(), invoice())
        await there.sleep("150ms")
        assert (await there.control.fleet()).books.totals[Status.UNPAID] == {}
        await there.sleep("100ms")
        assert (await there.control.fleet()).books.totals[Status.UNPAID] == {"USD": Tally(1, Decimal("10.5"))}


async def test_a_steady_stream_is_counted_after_two_seconds() -> None:
    async with town(a=agent()) as there:
        for number in range(30):
            there.write(place(f"INV-{number}"), invoice(f"INV-{number}", "1"))
            await there.sleep("100ms")
        counted = (await there.control.fleet()).books.totals[Status.UNPAID]["USD"].count
        assert 19 <= counted < 30


async def test_books_that_agree_say_nothing() -> None:
    async with town(a=agent()) as there:
        agree(there, ("INV-1", "10.50"), ("INV-2", "7.00"))
        await there.sleep("1h")
        assert there.logged("finding_opened") == []
        account = (await there.control.fleet()).books
        assert account.consistent is True
        assert account.findings == ()


async def test_what_does_not_agree_is_soft_then_hard_then_an_incident_and_closed_when_mended() -> None:
    async with town(a=agent()) as there:
        agree(there, ("INV-1", "10.50"))
        await settled(there)
        there.write(place(), invoice(amount="99.00"))
        wrong = there.t
        await there.sleep("1s")
        (kept,) = (await there.control.fleet()).books.findings
        assert (kept.finding.check, kept.hard) == (CheckName.AMOUNT_MISMATCH, False)
        assert there.logged("finding_opened") == []
        await settled(there)
        (opened,) = there.logged("finding_opened")
        assert (opened.check, opened.invoice, opened.file, opened.line) == (
            "amount_mismatch",
            "INV-1",
            str(BOOKS.ledger),
            2,
        )
        assert opened.t == near(wrong + 30.2)
        assert await there.keys() == {"books:amount_mismatch"}
        ((_, kind, key),) = there.heard()
        assert (kind, key) == ("triggered", "books:amount_mismatch")
        there.write(place(), invoice(amount="10.50"))
        await there.sleep("1s")
        (closed,) = there.logged("finding_closed")
        assert closed.finding == opened.finding
        assert closed.seconds == near(there.t - 1 - wrong)
        assert await there.keys() == set()
        assert [kind for _, kind, _ in there.heard()] == ["triggered", "resolved"]


async def test_what_agrees_again_before_it_settled_was_nothing() -> None:
    async with town(a=agent()) as there:
        agree(there, ("INV-1", "10.50"))
        await settled(there)
        there.write(place(), invoice(amount="99.00"))
        await there.sleep("20s")
        there.write(BOOKS.ledger, ledger(("INV-1", "99.00")))
        await there.sleep("2m")
        assert there.logged("finding_opened") == there.logged("finding_closed") == []


async def test_agents_that_go_on_writing_keep_the_sums_soft_and_a_real_fault_comes_out_all_the_same() -> None:
    async with town(a=agent()) as there:
        agree(there, ("INV-1", "10.50"))
        await settled(there)
        there.write(place(), invoice(amount="99.00"))
        for number in range(2, 40):
            entries = [("INV-1", "10.50"), *((f"INV-{n}", "1") for n in range(2, number + 1))]
            there.write(place(f"INV-{number}"), invoice(f"INV-{number}", "1"))
            there.write(BOOKS.ledger, ledger(*entries, total="0.00"))
            await there.sleep("1s")
        assert [one.check for one in there.logged("finding_opened")] == ["amount_mismatch"]


async def test_many_findings_of_one_check_are_one_incident() -> None:
    async with town(a=agent()) as there:
        agree(there, ("INV-1", "1"), ("INV-2", "2"))
        await settled(there)
        for number in ("INV-1", "INV-2"):
            there.write(place(number), invoice(number, "77"))
        await settled(there)
        assert len(there.logged("finding_opened")) == 2
        (incident,) = (await there.control.fleet()).incidents
        assert incident.summary == "2 findings: invoice and ledger differ in the amount"
        assert {told["invoice"] for told in incident.evidence["findings"]} == {"INV-1", "INV-2"}
        there.write(place("INV-1"), invoice("INV-1", "1"))
        await there.sleep("1s")
        (incident,) = (await there.control.fleet()).incidents
        assert incident.summary == "1 finding: invoice and ledger differ in the amount"
        assert len(there.heard()) == 1


async def test_the_next_life_knows_what_stands_and_opens_nothing_twice() -> None:
    async with town(a=agent()) as there:
        there.write(place(), invoice(amount="99.00"))
        there.write(BOOKS.ledger, ledger(("INV-1", "10.50")))
        await settled(there)
        (opened,) = there.logged("finding_opened")
        await there.again()
        await there.sleep("10m")
        assert [one.finding for one in there.logged("finding_opened")] == [opened.finding]
        assert len(there.heard()) == 1
        await there.kill()
        there.files.write(place(), invoice(amount="10.50"), there.wall())
        await there.start()
        await there.sleep("1s")
        assert [one.finding for one in there.logged("finding_closed")] == [opened.finding]
        assert [kind for _, kind, _ in there.heard()] == ["triggered", "resolved"]


async def test_files_that_were_quiet_long_enough_need_no_further_wait() -> None:
    there = town(a=agent())
    there.files.write(place(), invoice(amount="99.00"), there.wall() - 60)
    there.files.write(BOOKS.ledger, ledger(("INV-1", "10.50")), there.wall() - 60)
    async with there:
        await there.sleep("1s")
        assert [one.check for one in there.logged("finding_opened")] == ["amount_mismatch"]


async def test_what_goes_just_now_is_no_finding_though_all_else_is_old() -> None:
    there = town(a=agent())
    there.files.write(place(), invoice(), there.wall() - 3600)
    there.files.write(BOOKS.ledger, ledger(("INV-1", "10.50")), there.wall() - 3600)
    async with there:
        await there.sleep("1s")
        there.remove(place())
        await there.sleep("5s")
        assert [kept.hard for kept in (await there.control.fleet()).books.findings] == [False]
        there.write(BOOKS.ledger, ledger())
        await there.sleep("2m")
        assert there.logged("finding_opened") == []


async def test_everything_is_compared_again_every_ten_minutes() -> None:
    async with town(a=agent()) as there:
        there.files.write(place(), invoice(), there.wall())
        await there.sleep("9m")
        assert (await there.control.fleet()).books.files == 0
        await there.sleep("3m")
        assert (await there.control.fleet()).books.files == 1
        full = [one.t for one in there.logged("reconciled", reason="the books' full comparison")]
        await there.sleep("1h")
        full = [one.t for one in there.logged("reconciled", reason="the books' full comparison")]
        gaps = [later - sooner for sooner, later in pairwise(full)]
        assert all(540 <= gap <= 661 for gap in gaps)
        assert len({round(gap) for gap in gaps}) > 1


async def test_what_a_restart_left_is_named_as_such() -> None:
    async with town(a=agent()) as there:
        await there.sleep("59m")
        there.write(STATE / "acme" / "INV-9.json.tmp", b"{")
        await there.sleep("2m")
        (restart,) = there.logged("restart_finished")
        there.write(QUEUES / "emailer.jsonl", b'{"type": "PAID", "invoice": "INV-1"}\n' * 2)
        await there.sleep("1m")
        found = {one.check: one.after for one in there.logged("finding_opened") if one.t > restart.t}
        assert found["queue_duplicate"] == "the restart of a"
        assert [one.after for one in there.logged("finding_opened", check="leftover_tmp")] == [None]
        assert there.logged("reconciled", reason="a was restarted")


async def test_a_folder_that_can_not_be_seen_closes_and_opens_nothing() -> None:
    async with town(a=agent()) as there:
        there.write(place(), invoice(amount="99.00"))
        there.write(BOOKS.ledger, ledger(("INV-1", "10.50")))
        await settled(there)
        there.source.say(WatchLost(STATE, "unmounted"))
        there.files.remove(place())
        there.files.remove(BOOKS.ledger)
        there.source.relist("a walk")
        await there.sleep("30m")
        account = (await there.control.fleet()).books
        assert (account.consistent, account.queues_healthy, len(account.hard)) == (None, None, 1)
        there.source.say(WatchRestored(STATE, "events"))
        there.source.relist("watch restored")
        await there.sleep("1s")
        assert len(there.logged("finding_closed")) == 1
        assert (await there.control.fleet()).books.consistent is True


async def test_a_queue_grows_old_without_any_change() -> None:
    async with town(a=agent()) as there:
        line = json.dumps({"type": "PAID", "_queued_at": there.wall()}).encode()
        there.write(QUEUES / "emailer.jsonl", line + b"\n")
        born = there.t
        await there.sleep("59m")
        assert there.logged("finding_opened") == []
        await there.sleep("2m")
        (opened,) = there.logged("finding_opened")
        assert opened.check == "queue_age"
        assert opened.t == near(born + 3600.0)
        assert (await there.control.fleet()).books.queues_healthy is False
        assert (await there.control.fleet()).books.consistent is True
        there.remove(QUEUES / "emailer.jsonl")
        await there.sleep("1s")
        assert len(there.logged("finding_closed")) == 1


async def test_who_asks_gets_a_full_comparison() -> None:
    async with town(a=agent()) as there:
        there.files.write(place(), invoice(), there.wall())
        account = await there.control.reconcile()
        assert account.files == 1
        assert there.logged("reconciled", reason="asked for")


async def test_another_currency_is_another_way_to_compare() -> None:
    async with town(a=agent()) as there:
        agree(there, ("INV-1", "10.50"))
        await there.sleep("1s")
        there.books = BooksPlan(currency="COP")
        await there.reload()
        await there.sleep("1s")
        assert (await there.control.fleet()).books.totals[Status.UNPAID].keys() == {"COP"}
        await there.reload()
        assert len(there.logged("reconciled", reason="the books are compared in another way")) == 1


async def test_a_clock_that_is_set_hurries_nothing() -> None:
    async with town(a=agent(), pulse=1.0) as there:
        agree(there, ("INV-1", "10.50"))
        await settled(there)
        there.write(place(), invoice(amount="99.00"))
        wrong = there.t
        await there.sleep("5s")
        there.step_clock(7200.0)
        await there.sleep("20s")
        assert there.logged("finding_opened") == []
        await there.sleep("10s")
        (opened,) = there.logged("finding_opened")
        assert opened.t == near(wrong + 30.2)


async def test_one_pass_compares_the_books_too() -> None:
    there = town(a=agent())
    there.files.write(place(), invoice(amount="99.00"), there.wall() - 60)
    there.files.write(BOOKS.ledger, ledger(("INV-1", "10.50")), there.wall() - 60)
    fleet = await there.once("a")
    assert fleet.books.consistent is False
    assert "books:amount_mismatch" in {incident.key for incident in fleet.incidents}
