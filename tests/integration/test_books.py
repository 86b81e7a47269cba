"""The books on the real thing: agents that write as they do, faults put in on disk, a daemon that looks on."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.agency import EVENTS, LEDGER, Agency, checksum
from tests.support.nursery import Nursery
from tests.support.town import Town

BOOKS = """
[agents.collections-emailer]
[books]
settle = "1s"
quiet = "100ms"
queue_depth = 3
queue_age = "1h"
"""


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    with Nursery() as nursery:
        town = Town(tmp_path, nursery)
        town.configure(BOOKS)
        yield town
        if town.pid:
            await town.stop(signal.SIGKILL)


@dataclass
class Desk:
    """The agents' desk in a town, with a few invoices of each kind."""

    town: Town
    agency: Agency

    @property
    def state(self) -> Path:
        return self.agency.state

    @property
    def ledger(self) -> Path:
        return self.state / LEDGER

    @property
    def events(self) -> Path:
        return self.state / EVENTS

    @property
    def queue(self) -> Path:
        return self.town.folder / "cache" / "queues" / "collections-emailer.jsonl"

    @property
    def open(self) -> Path:
        return self.agency.file("acme", "INV-000001")

    @property
    def paid(self) -> Path:
        return self.agency.archived("globex", "INV-000003")

    def edit(self, path: Path, old: str, new: str) -> None:
        """Change a file in place, as a person would."""
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    def amend(self, path: Path, **keys: Any) -> None:
        """Change keys of an invoice, with a checksum that fits."""
        self.agency.save(path, json.loads(path.read_text("utf-8")) | keys)


def furnished(town: Town) -> Desk:
    agency = Agency(town.folder / "state")
    agency.scan("acme", "1500.25")
    agency.scan("acme", "80.10")
    agency.scan("globex", "900.00")
    agency.scan("globex", "12.34")
    agency.pay("globex", "INV-000003")
    agency.escalate("globex", "INV-000004")
    desk = Desk(town, agency)
    desk.queue.parent.mkdir(parents=True, exist_ok=True)
    desk.queue.write_text(message("INV-000003"), "utf-8")
    return desk


def message(number: str, queued_at: float | None = None) -> str:
    return json.dumps({"type": "INVOICE_PAID", "invoice": number, "_queued_at": queued_at or time.time()}) + "\n"


async def books(town: Town) -> dict[str, Any]:
    return json.loads((await town.ask("status", "--json")).stdout)["books"]  # type: ignore[no-any-return]


# --- consistent books ------------------------------------------------------------------------------------


async def test_books_that_agree_have_exact_totals_and_no_finding(town: Town) -> None:
    furnished(town)
    await town.start()
    await town.logged("reconciled")
    await asyncio.sleep(2)
    said = await books(town)
    assert said["consistent"] is True
    assert said["findings"] == []
    assert said["totals"] == {
        "unpaid": {"USD": {"count": 2, "total": "1580.35"}},
        "paid": {"USD": {"count": 1, "total": "900.00"}},
        "escalated": {"USD": {"count": 1, "total": "12.34"}},
        "review": {},
    }
    assert json.loads((await town.ask("status", "--json")).stdout)["queues"]["queues"] == {
        "collections-emailer": {"depth": 1, "oldest_seconds": pytest.approx(10, abs=10)}
    }


# --- every kind of fault ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """What somebody breaks, what is said of it, and in which file."""

    check: str
    put: Callable[[Desk], None]
    file: Callable[[Desk], Path]
    line: int | None = None
    expected: str | None = None
    found: str | None = None


def _two_payments(desk: Desk) -> None:
    desk.agency.tell("paid", "globex", "INV-000003", {"amount": 900.0})


def _wrong_sum(line: str) -> Callable[[Desk], None]:
    return lambda desk: desk.edit(desk.ledger, line, line[:-1] + "1")


def _other(desk: Desk) -> Path:
    return desk.state / "other" / "x.json"


def _leftover(desk: Desk) -> Path:
    return desk.state / "acme" / "INV-000001.json.tmp"


def _live_again(desk: Desk) -> Path:
    return desk.agency.file("globex", "INV-000003")


def _save(number: str, amount: float) -> Callable[[Desk], None]:
    document = {"number": number, "client": "other", "amount": amount, "status": "unpaid"}
    return lambda desk: desk.agency.save(_other(desk), document)


def _queue(*lines: str) -> Callable[[Desk], None]:
    return lambda desk: desk.queue.write_text("".join(lines), "utf-8") and None


FAULTS = [
    Fault("parse", lambda d: d.open.write_text('{"number": "INV-0', "utf-8") and None, lambda d: d.open, 1),
    Fault("schema", lambda d: d.amend(d.open, status="lost"), lambda d: d.open, 8, found='"lost"'),
    Fault("schema", lambda d: d.amend(d.open, amount="many"), lambda d: d.open, 6, found='"many"'),
    Fault("checksum", lambda d: d.edit(d.open, "2026-12-31", "2027-12-31"), lambda d: d.open),
    Fault("unique_id", _save("INV-000001", 1500.25), _other),
    Fault("orphan_state", _save("NEW", 5), _other),
    Fault("orphan_ledger", lambda d: d.open.unlink(), lambda d: d.ledger, 6),
    Fault("status_mismatch", lambda d: d.amend(d.open, status="review"), lambda d: d.ledger, 6, "review", "unpaid"),
    Fault("amount_mismatch", lambda d: d.amend(d.open, amount=1500.26), lambda d: d.ledger, 6),
    Fault("section_total", _wrong_sum("Unpaid Total:** $1580.35"), lambda d: d.ledger, 14),
    Fault("grand_total", _wrong_sum("Grand Total:** $2492.69"), lambda d: d.ledger, 17),
    Fault("transition", lambda d: d.agency.tell("paid", "acme", "INV-000001", {}), lambda d: d.events, 8),
    Fault("transition", _two_payments, lambda d: d.events, 8, "one payment", "2 payments"),
    Fault("archive", lambda d: d.paid.rename(_live_again(d)) and None, _live_again),
    Fault("queue_parse", _queue(message("INV-000003"), "nonsense\n"), lambda d: d.queue, 2),
    Fault("queue_depth", _queue(*map(message, "abc")), lambda d: d.queue),
    Fault("queue_age", _queue(message("INV-000003", time.time() - 4000)), lambda d: d.queue, 1),
    Fault("queue_duplicate", _queue(message("INV-3", time.time() - 9), message("INV-3")), lambda d: d.queue, 2),
    Fault("leftover_tmp", lambda d: _leftover(d).write_text("{", "utf-8") and None, _leftover),
]


async def test_each_fault_is_found_with_its_name_file_and_line_and_closed_when_undone(town: Town) -> None:
    desk = furnished(town)
    await town.start()
    await town.logged("reconciled")
    await asyncio.sleep(1.5)  # nothing of the furnishing is new any more
    kept = snapshot(town.folder)
    for fault in FAULTS:
        before = len(town.log())
        fault.put(desk)

        def found(fault: Fault = fault, before: int = before) -> list[dict[str, Any]]:
            return [one for one in town.log()[before:] if one["event"] == "finding_opened" and fits(one, fault, desk)]

        await town.wait(lambda: bool(found()), f"{fault.check} in {fault.file(desk)}", 10)
        opened = found()[0]
        wrong = [one["check"] for one in town.log()[before:] if one["event"] == "finding_opened"]
        assert wrong == [fault.check], fault
        restore(town.folder, kept)
        desk.agency.events = desk.events.read_text("utf-8").splitlines()
        await town.logged("finding_closed", 10, finding=opened["finding"])
    await asyncio.sleep(1.5)
    assert (await books(town))["findings"] == []
    assert town.log("incident_opened") != []
    await town.wait(lambda: len(town.log("incident_resolved")) == len(town.log("incident_opened")), "all resolved")


def fits(opened: dict[str, Any], fault: Fault, desk: Desk) -> bool:
    """Whether a finding is the one that the fault must bring."""
    wanted = {"line": fault.line, "expected": fault.expected, "found": fault.found}
    return (
        opened["check"] == fault.check
        and opened["file"] == str(fault.file(desk))
        and all(value is None or opened.get(key) == value for key, value in wanted.items())
    )


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for root in ("state", "cache/queues")
        for path in (folder / root).rglob("*.*")
        if path.is_file()
    }


def restore(folder: Path, kept: dict[Path, bytes]) -> None:
    for path in snapshot(folder):
        if path not in kept:
            path.unlink()
    for path, data in kept.items():
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)


# --- agents at work --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [30])
async def test_agents_at_work_are_no_finding_and_the_totals_are_exact(town: Town, seconds: int) -> None:
    """50 invoices a second are scanned, paid, escalated; every book is half-written again and again."""
    agency = Agency(town.folder / "state")
    town.configure(BOOKS.replace('settle = "1s"', 'settle = "5s"'))
    await town.start()
    steps = await asyncio.to_thread(work, agency, seconds)
    await asyncio.sleep(6)
    said = await books(town)
    assert town.log("finding_opened") == []
    assert said["findings"] == []
    assert said["consistent"] is True
    counted = {status: tallies.get("USD", {"count": 0, "total": "0"}) for status, tallies in said["totals"].items()}
    for status, section in (("unpaid", "Unpaid"), ("paid", "Paid"), ("escalated", "Escalated")):
        lines = agency.lines[section]
        total = sum((agency.amounts[line.split("`")[1]] for line in lines), Decimal())
        assert (counted[status]["count"], Decimal(counted[status]["total"])) == (len(lines), total), status
    assert steps > 20 * seconds


def work(agency: Agency, seconds: int) -> int:
    """Do what agents do, 50 times a second; return how often."""
    chance = random.Random(7)
    unpaid: list[tuple[str, str]] = []
    begun, steps = time.monotonic(), 0
    while time.monotonic() < begun + seconds:
        steps += 1
        if len(unpaid) < 5 or chance.random() < 0.5:
            client = f"client-{chance.randrange(20)}"
            unpaid.append((client, agency.scan(client, f"{chance.randrange(1, 10**7) / 100:.2f}")))
        else:
            client, number = unpaid.pop(chance.randrange(len(unpaid)))
            (agency.pay if chance.random() < 0.8 else agency.escalate)(client, number)
        time.sleep(max(0.0, begun + steps / 50 - time.monotonic()))
    return steps


# --- odd files -------------------------------------------------------------------------------------------


async def test_a_file_that_can_not_be_read_is_a_finding_and_no_end(town: Town) -> None:
    desk = furnished(town)
    (desk.state / "acme" / "folder.json").mkdir()
    (desk.state / "acme" / "secret.json").symlink_to("/etc/shadow")
    (desk.state / "acme" / "big.json").write_bytes(b"[" * (2 << 20))
    (desk.state / "acme" / "nul.json").write_bytes(b"\0" * 100)
    (desk.state / "acme" / "latin.json").write_bytes(b'{"number": "\xff"}')
    await town.start()
    names = {"secret.json", "big.json", "nul.json", "latin.json"}
    await town.wait(lambda: {Path(one["file"]).name for one in town.log("finding_opened")} == names, "the findings")
    assert {one["check"] for one in town.log("finding_opened")} == {"parse"}
    said = await books(town)
    assert said["totals"]["unpaid"]["USD"]["total"] == "1580.35"


async def test_with_a_ledger_that_can_not_be_read_nothing_is_compared(town: Town) -> None:
    desk = furnished(town)
    desk.ledger.unlink()
    desk.ledger.mkdir()
    await town.start()
    opened = await town.logged("finding_opened")
    assert (opened["check"], opened["file"]) == ("parse", str(desk.ledger))
    await asyncio.sleep(2)
    assert len(town.log("finding_opened")) == 1


def test_the_agencys_checksum_is_that_of_the_contract() -> None:
    assert checksum({"b": 1.0, "a": "é", "_x": 1}) == checksum({"a": "é", "b": 1.0})
