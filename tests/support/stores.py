"""The stores under test, and what they are given to keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.escalation import Incident
from supervisor.domain.silences import Silence
from supervisor.ports import Row, Saved, Store
from supervisor.stores.memory import MemoryStore
from supervisor.stores.sqlite import SqliteStore

NOW = 1.7e9

ADAPTERS: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: SqliteStore(folder / "journal.db"),
    "memory": lambda _: MemoryStore(),
}


def incident(number: int = 1, **changes: Any) -> Incident:
    made = Incident(f"i{number}", f"agent-{number}:heartbeat", Severity.CRITICAL, "silent", NOW + number)
    return replace(made, **changes)


def delivery(number: int = 1, of: str = "i1", **changes: Any) -> Delivery:
    made = Delivery(f"d{number}", of, "person", NoticeKind.TRIGGERED, {"type": "X"}, NOW + number, NOW + number)
    return replace(made, **changes)


def silence(number: int = 1, ends_at: float = NOW + 3600) -> Silence:
    return Silence(f"s{number}", "payment-*", "eve", "migration", NOW, ends_at)


def row(number: int, at: float | None = None, agent: str | None = "a", event: str = "health_changed") -> Row:
    return Row(NOW + number if at is None else at, event, agent, None, {"to": "healthy", "n": number}, number)


async def reopened(store: Store) -> Saved:
    await store.close()
    return await store.open()
