"""Figures from a daemon that runs while the logs are written, rotated and cut off: each line is counted once."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.agency import Agency
from tests.support.nursery import Nursery
from tests.support.town import Town

CONFIG = """
[agents.collections-emailer]
heartbeat_timeout = "1h"
[books]
settle = "1s"
quiet = "50ms"
resync_every = "1s"
"""


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    with Nursery() as nursery:
        town = Town(tmp_path, nursery)
        town.configure(CONFIG)
        await town.start()
        yield town
        if town.pid:
            await town.stop(signal.SIGKILL)


async def metrics(town: Town, *words: str) -> Any:
    done = await town.ask("metrics", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Mailer:
    """Writes its log from a thread, as fast as it can, until the block is left."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.sent = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.001):
            with self._lock, self.log.open("a") as file:
                now = datetime.now(UTC).replace(tzinfo=None).isoformat()
                line = json.dumps({"timestamp": now, "type": "EMAIL_SENT", "invoice": f"INV-{self.sent}"})
                file.write(line[:20])
                file.flush()
                file.write(f"{line[20:]}\n")
                self.sent += 1

    def rotate(self, how: Callable[[Path, Path], None]) -> None:
        """Move the rotated logs up by one, and the log behind them."""
        with self._lock:
            for number in range(20, 0, -1):
                old = self.log.with_name(f"{self.log.name}.{number}")
                if old.exists():
                    old.rename(self.log.with_name(f"{self.log.name}.{number + 1}"))
            how(self.log, self.log.with_name(f"{self.log.name}.1"))


def rename(log: Path, to: Path) -> None:
    log.rename(to)


def copy_and_cut(log: Path, to: Path) -> None:
    shutil.copyfile(log, to)
    os.truncate(log, 0)


async def test_logs_that_are_rotated_while_the_daemon_runs_are_counted_to_the_line(town: Town) -> None:
    assert (await metrics(town))["emails_sent"] is None
    with Mailer(town.folder / "cache" / "email_activity.log") as mailer:
        await town.wait(lambda: mailer.sent > 10, "the first e-mails")
        for how in (rename, copy_and_cut, rename, rename, copy_and_cut, copy_and_cut):
            before = mailer.sent
            counted = (await metrics(town))["emails_sent"]
            assert before <= counted <= mailer.sent + 1
            mailer.rotate(how)
            await asyncio.sleep(0.1)
            if how is rename:
                mailer.rotate(how)
                await asyncio.sleep(0.1)
    assert (await metrics(town))["emails_sent"] == mailer.sent
    assert (await metrics(town, "--window", "1h"))["emails_sent"] == mailer.sent
    await town.stop()
    alone = await metrics(town)  # by ourselves, from what still lies there
    assert alone["emails_sent"] == mailer.sent


async def test_payments_and_the_change_since_the_first_totals(town: Town) -> None:
    agency = Agency(town.folder / "state")
    numbers = [agency.scan("acme", amount) for amount in ("1500.00", "80.10", "7.00")]

    async def until(condition: Callable[[Any], bool], what: str) -> Any:
        for _ in range(60):
            found = await metrics(town)
            if condition(found):
                return found
            await asyncio.sleep(0.1)
        pytest.fail(f"no {what}: {found}")

    await town.wait(lambda: len(town.log("reconciled", reason="the books' full comparison")) > 1, "full comparisons")
    agency.pay("acme", numbers[0])
    found = await until(lambda found: bool(found["collected"]), "payment")
    assert found["collected"] == {"USD": {"count": 1, "total": "1500.00"}}
    assert found["payment_latency"]["count"] == 1
    assert found["change"]["paid"] == {"USD": {"count": 1, "total": "1500.00"}}
    assert found["change"]["unpaid"] == {"USD": {"count": 2, "total": "87.10"}}
    assert found["change_since"] < found["timestamp"]
    people = await town.ask("metrics")
    assert "  paid             +1 invoice, +1,500.00 USD" in people.stdout.splitlines()
