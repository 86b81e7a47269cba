"""Entries for the journal's tests, and lives that write them until they are killed.

`python -m tests.support.journal FILE` forks a life for each number it is told: the life says its pid, then the
number of each entry once it is committed; when it is dead, "dead" is said. Forking spares a life the imports.
"""
# ruff: noqa: T201  # standard output is how it says so

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.escalation import Incident
from supervisor.domain.health import Health, HealthState
from supervisor.ports import Entry, Row
from supervisor.stores.sqlite import SqliteStore

NOW = 1.7e9
"""A time (s since the epoch)."""

CHAINS = 8


def entry(number: int, size: int = 0) -> Entry:
    """Return an agent, its incident, the notice of it and the record: together or not at all."""
    name = f"agent-{number}"
    return Entry(
        agents=((name, Health(HealthState.ESCALATED, misses=number)),),
        incidents=(Incident(f"i{number}", f"{name}:heartbeat", Severity.CRITICAL, "silent", NOW + number),),
        deliveries=(Delivery(f"d{number}", f"i{number}", "person", NoticeKind.TRIGGERED, {}, NOW + number, NOW),),
        rows=(Row(NOW + number, "health_changed", name, f"i{number}", {"text": "x" * size}, number),),
    )


async def _write(path: Path, first: int) -> None:
    store = SqliteStore(path)
    await store.open()

    async def chain(number: int) -> None:
        while True:
            await store.commit(entry(number))
            os.write(1, b"%d\n" % number)  # at one stroke, or not at all
            number += CHAINS

    await asyncio.gather(*(chain(first + n) for n in range(CHAINS)))


def _serve(path: Path) -> None:
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            print(os.getpid(), flush=True)
            asyncio.run(_write(path, int(line)))
        os.waitpid(pid, 0)
        print("dead", flush=True)


def query(path: Path, sql: str) -> list[Any]:
    """Ask or change the file behind the store's back."""
    conn = sqlite3.connect(path)
    try:
        found = conn.execute(sql).fetchall()
        conn.commit()
        return found
    finally:
        conn.close()


async def written(path: Path, count: int = 200) -> None:
    """Write a journal of so many entries, and close it."""
    store = SqliteStore(path)
    await store.open()
    await asyncio.gather(*(store.commit(entry(n)) for n in range(1, count + 1)))
    await store.close()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
