"""The books: a listing of all invoices against a walk in C, one changed invoice, and how long the loop is held."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import statistics
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from supervisor.domain.docket import Docket
from supervisor.domain.index import Index, Limits
from supervisor.filesystem import RealFiles
from supervisor.runtime.bookkeeper import Bookkeeper
from supervisor.runtime.bookreader import BookPlaces, BookReader
from supervisor.runtime.reconciler import _FREEZE_AFTER
from tests.benchmarks.lab import Lab, frozen
from tests.benchmarks.table import Row
from tests.support.agency import checksum

_CLIENTS = 1000
_TURNS = 5
_CHANGES = 200


def measure(lab: Lab) -> Iterator[Row]:
    """Write a tree of invoices and measure what reading it costs (CPU time, warm cache)."""
    count = lab.pick(100_000, 5_000)
    for checked in (False, True):
        folder = lab.room("books")
        _plant(folder, count, checked=checked)
        yield from _listing(lab, folder, count, checked=checked)


def _listing(lab: Lab, folder: Path, count: int, *, checked: bool) -> Iterator[Row]:
    read, walk = _floor(lab, folder, "read"), _floor(lab, folder, "stat")
    listing = {place: frozenset(file.name for file in place.iterdir()) for place in folder.iterdir()}
    keeper = _keeper(folder)
    with frozen():
        full = _cpu(lambda: _read(keeper, listing))
        judged = _cpu(lambda: keeper.judge(time.time(), full=True))
    with_checksums = ", checksums verified" if checked else ""
    goal = 3.0 if checked else 1.6
    yield Row(
        f"the first listing of {count:,} invoices{with_checksums}",
        f"{full:.2f} s",
        "no C compiler" if read is None else f"readdir and read in C {read:.2f} s",
        None if read is None else full / read,
        f"at most {goal:g} x",
        None if read is None else full <= goal * read,
        "an invoice becomes a value of the domain, exact decimals and all, and moves the totals",
    )
    if checked:
        return
    again = min(_cpu(lambda: _read(keeper, listing)) for _ in range(_TURNS))
    yield Row(
        f"the same listing again, nothing changed, {count:,} invoices",
        f"{again:.2f} s",
        "no C compiler" if walk is None else f"readdir and stat in C {walk:.2f} s",
        None if walk is None else again / walk,
        "at most 2.5 x",
        None if walk is None else again <= 2.5 * walk,
    )
    one = _one_change(keeper, folder)
    yield Row(
        f"one changed invoice of {count:,}: read, judged",
        f"{one * 1e6:,.0f} us",
        f"a full pass {full + judged:.2f} s",
        (full + judged) / one,
        "at least 1,000 x less" if count >= 100_000 else "at least 50 x less",
        full + judged >= (1000 if count >= 100_000 else 50) * one,
    )
    yield _loop_held(folder, listing, count)
    yield _memory(folder, listing, count)


def _plant(folder: Path, count: int, *, checked: bool) -> None:
    """Write `count` invoices in a thousand folders, as the agents do."""
    each = max(1, count // _CLIENTS)
    for client in range(count // each):
        place = folder / f"client-{client:04}"
        place.mkdir()
        for number in range(each):
            name = f"INV-{client:04}-{number:03}"
            document = {
                "client": place.name,
                "client_name": f"Client {client}",
                "invoice_number": name,
                "number": name,
                "email": f"pagos@client{client}.example",
                "amount": 1000.25 + number,
                "due_date": "2026-05-04",
                "status": "unpaid",
                "confidence": 0.9,
            }
            if checked:
                document["_checksum"] = checksum(document)
            (place / f"{name}.json").write_text(json.dumps(document, indent=2), "utf-8")


def _keeper(folder: Path) -> Bookkeeper:
    nowhere = folder.parent / "nowhere"
    places = BookPlaces(folder, folder / "ledger.md", folder / "events.log", nowhere, nowhere / "payment_queue.json")
    return Bookkeeper(BookReader(places, RealFiles(), Index("USD", Limits())), Docket(30.0))


def _read(keeper: Bookkeeper, listing: dict[Path, frozenset[str]]) -> None:
    frozen = 0
    for read in keeper.read_all(listing):
        if read - frozen >= _FREEZE_AFTER:  # as the daemon does
            gc.freeze()
            frozen = read


def _one_change(keeper: Bookkeeper, folder: Path) -> float:
    """Return the CPU time (s) of one changed invoice, the median of many."""
    file = folder / "client-0001" / "INV-0001-001.json"
    file = file if file.exists() else folder / "client-0001" / "INV-0001-000.json"
    document = json.loads(file.read_text("utf-8"))
    taken = []
    for number in range(_CHANGES):
        file.write_text(json.dumps({**document, "amount": 5.0 + number}, indent=2), "utf-8")
        taken.append(_cpu(lambda: (keeper.read([file]), keeper.judge(time.time()))))
    return statistics.median(taken)


def _loop_held(folder: Path, listing: dict[Path, frozenset[str]], count: int) -> Row:
    """Return how long (s) the event loop was held while a first listing ran in the books' thread."""

    async def probe() -> float:
        loop, worst = asyncio.get_running_loop(), 0.0
        keeper = _keeper(folder)
        with ThreadPoolExecutor(1) as pool:
            portions = keeper.read_all(listing)

            async def reads() -> None:
                frozen = 0
                while (read := await loop.run_in_executor(pool, lambda: next(portions, None))) is not None:
                    if read - frozen >= _FREEZE_AFTER:
                        gc.freeze()
                        frozen = read
                await loop.run_in_executor(pool, lambda: keeper.judge(time.time(), full=True))

            reading = asyncio.create_task(reads())
            while not reading.done():
                expected = loop.time() + 0.001
                await asyncio.sleep(0.001)
                worst = max(worst, loop.time() - expected)
        return worst

    with frozen():
        held = asyncio.run(probe())
        idle = asyncio.run(_idle())
    return Row(
        f"the event loop held, while {count:,} invoices are listed",
        f"{held * 1e3:.1f} ms",
        f"an idle loop {idle * 1e3:.1f} ms",
        held / idle,
        "at most 20 ms",
        held <= 0.020,
    )


async def _idle() -> float:
    loop, worst = asyncio.get_running_loop(), 0.0
    for _ in range(500):
        expected = loop.time() + 0.001
        await asyncio.sleep(0.001)
        worst = max(worst, loop.time() - expected)
    return worst


def _memory(folder: Path, listing: dict[Path, frozenset[str]], count: int) -> Row:
    keeper = _keeper(folder)
    tracemalloc.start()
    _read(keeper, listing)
    keeper.judge(time.time(), full=True)  # until then each of them is noted as changed
    taken = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    size = statistics.mean(file.stat().st_size for file in next(iter(folder.iterdir())).iterdir())
    return Row(
        f"memory an invoice, {count:,} invoices",
        f"{taken / 1e3:.2f} KB",
        f"its file {size / 1e3:.2f} KB",
        taken / size,
        "at most 0.6 KB",
        taken <= 600,
    )


def _floor(lab: Lab, folder: Path, way: str) -> float | None:
    """Return the least CPU time (s) of a walk in C, None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = lab.room("floor") / "floor"
    source = Path(__file__).with_name("floor.c")
    subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
    runs = (subprocess.run([program, way, folder], capture_output=True, text=True, check=True) for _ in range(_TURNS))
    return min(float(run.stdout.split()[1]) for run in runs)


def _cpu(work: Callable[[], object]) -> float:
    begin = time.thread_time()
    work()
    return time.thread_time() - begin
