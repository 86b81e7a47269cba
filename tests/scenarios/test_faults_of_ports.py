"""Whatever a port does for an hour: the law holds meanwhile, it is told once, and all is well when the hour is over.

The law: an agent that falls silent meanwhile is restarted once and people are told once; one that beats is not touched;
when the silent one comes back they are told so, once; and the next life finds nothing left to do.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.health import HealthState
from supervisor.domain.policy import OnExhausted
from supervisor.ports import SourceEvent
from supervisor.runtime.plan import PingPlan, TextfilePlan
from tests.support.faults import Fault, Road
from tests.support.world import VIRTUAL, VirtualTown, agent, town

pytestmark = VIRTUAL

FROM, UNTIL = "30m", "90m"
"""Within it fall the deadline of the silent agent (60 min) and, 15 min after its restart, its second miss."""

BACK = "150m"
"""When the silent agent comes back: what was held up by the fault has happened by then."""


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def forbidden() -> OSError:
    return OSError(errno.EACCES, os.strerror(errno.EACCES))


@dataclass(frozen=True)
class Case:
    """One fault of one port.

    Args:
        port, name: of what, and what it is.
        begin, end: bring it about, and mend it.
        told: the record that tells of it, once; None where nobody needs to hear.
        keys: of the incidents that it is, besides.
        restarts: of the silent agent.
    """

    port: str
    name: str
    begin: Callable[[VirtualTown], Any]
    end: Callable[[VirtualTown], Any]
    told: str | None = None
    keys: frozenset[str] = frozenset()
    restarts: int = 1

    def __str__(self) -> str:
        return f"{self.port}: {self.name}"


def on(road: str, name: str, *faults: Fault, **more: Any) -> Case:
    """Return a case of a road."""

    def way(t: VirtualTown) -> Road:
        found: Road = getattr(t.roads, road)
        return found

    return Case(road, name, lambda t: way(t).damage(*faults), lambda t: way(t).mend(), **more)


def disk(name: str, told: str | None, **settings: Any) -> Case:
    """Return a case of what lies beneath the store."""

    def use(t: VirtualTown, values: dict[str, Any]) -> None:
        for key, value in values.items():
            setattr(t.disk, key, value)

    sound = {"failing": False, "latency": 0.002}
    return Case("store", name, lambda t: use(t, settings), lambda t: use(t, sound), told)


def hints(name: str, way: Callable[[Sequence[SourceEvent]], Sequence[SourceEvent]]) -> Case:
    """Return a case of what becomes of the source's hints."""

    def use(t: VirtualTown, one: Callable[[Sequence[SourceEvent]], Sequence[SourceEvent]]) -> None:
        t.source.way = one  # type: ignore[method-assign]

    return Case("source", name, lambda t: use(t, way), lambda t: use(t, lambda events: events))


def early() -> Callable[[Sequence[SourceEvent]], Sequence[SourceEvent]]:
    """Return a way on which each hint comes in the place of the next one: out of order and late."""
    held: list[SourceEvent] = []

    def way(events: Sequence[SourceEvent]) -> Sequence[SourceEvent]:
        held.extend(events)
        gone = [held.pop(0)] if len(held) > 2 else []
        return gone[::-1]

    return way


def torn(t: VirtualTown, torn: bool) -> None:
    t.roads.torn = torn


BLIND = frozenset({"fleet:silent"})
CHANNEL = frozenset({"supervisor:channel.caine"})
HANGS, SLOW = Fault(hangs=True), Fault(takes=120.0)
BUG = Fault(error=RuntimeError("bug"))

CASES = [
    disk("full", "journal_failed", failing=True),
    disk("slow", None, latency=20.0),
    Case("store", "hangs", lambda t: t.disk.free.clear(), lambda t: t.disk.free.set()),
    on("files", "may not be read", Fault(error=forbidden()), keys=BLIND | {"books:parse"}),
    on("files", "an error of the disk at the first read", Fault(error=OSError(errno.EIO, "disk"), nth=1)),
    Case("files", "torn", lambda t: torn(t, True), lambda t: torn(t, False)),
    hints("lost", lambda _: ()),
    hints("doubled", lambda events: (*events, *events)),
    hints("out of order and late", early()),
    Case("source", "breaks once", lambda t: t.source.fail(forbidden()), lambda _: None, "service_failed"),
    on("restarter", "raises", BUG, told="restart_finished", restarts=0),
    on("restarter", "hangs", HANGS),
    on("restarter", "slow", SLOW),
    on("restarter", "its answer is lost", Fault(lost=RuntimeError("lost"))),
    on("notifier", "raises", BUG, keys=CHANNEL),
    on("notifier", "hangs", HANGS, keys=CHANNEL),
    on("notifier", "slow", Fault(takes=9.0)),
    on("notifier", "fails at the first try", Fault(error=forbidden(), nth=1), told="notification_failed"),
    on("notifier", "its answer is lost at the first try", Fault(lost=full(), nth=1), told="notification_failed"),
    on("ping", "hangs", HANGS),
    on("ping", "raises", BUG),
    on("page", "disk full", Fault(error=full()), told="dashboard_failed"),
    on("page", "hangs", HANGS),
    on("textfile", "may not be written", Fault(error=forbidden()), told="textfile_failed"),
    on("textfile", "hangs", HANGS),
    on("read", "hangs", HANGS, keys=BLIND),
    on("read", "slow", Fault(takes=4.0)),
    on("think", "hangs", HANGS),
    on("look", "hangs", HANGS),
    on("reckon", "hangs", HANGS),
    on("plan", "a file that may not be read", Fault(error=forbidden())),
]


class Outside:
    """Implements `ports.Ping`."""

    def __init__(self, road: Road) -> None:
        self.heard = 0
        self.send = road.calls(self._send)

    async def _send(self) -> None:
        self.heard += 1


def prepared() -> VirtualTown:
    once = {"max_restarts": 1, "window": 1e6, "on_exhausted": OnExhausted.HOLD}
    busy = {"activity": ("/work/*.log",)}
    t = town(a=agent(restart=once, **busy), b=agent(restart=once, **busy))
    t.ping = PingPlan(Outside(t.roads.ping), 600.0)
    t.textfile = TextfilePlan(Path("/collections.prom"), 600.0)
    return t


def kinds(t: VirtualTown, key: str) -> list[str]:
    """Return what was heard of a key, each dedup id once."""
    heard = {said.delivery.id: said for said in t.channel().heard if said.delivery.message["key"] == key}
    return [said.kind.value for said in heard.values()]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_whatever_a_port_does_for_an_hour(case: Case) -> None:
    async with prepared() as t:
        t.beat("a")
        living = asyncio.create_task(t.beating("b", every="10m"))
        await t.until(FROM)
        case.begin(t)
        t.daemon.reload_soon()
        await t.until(UNTIL)
        case.end(t)
        road = getattr(t.roads, case.port, None)
        assert road is None or road.struck or case.name == "torn", "nothing was tried"
        await t.until(BACK)
        assert len(t.restarts("a")) == case.restarts
        assert kinds(t, "a:heartbeat")[:1] == ["triggered"]
        t.beat("a")
        await t.sleep("10m")

        assert t.restarts("b") == []
        assert t.logged("heartbeat_missed", agent="b") == []
        assert kinds(t, "a:heartbeat").count("triggered") == 1
        assert kinds(t, "a:heartbeat")[-1] == "resolved"
        assert kinds(t, "b:heartbeat") == []
        assert (await t.view("a")).status is HealthState.HEALTHY
        assert await t.keys() == set()
        if case.told is not None:
            assert len(t.logged(case.told)) == 1
        opened = {record.key for record in t.logged("incident_opened")}
        assert opened == {"a:heartbeat"} | case.keys
        told = len(t.channel().heard)
        living.cancel()
        await asyncio.wait({living})

        await t.again()
        t.beat("a", "b")
        await t.sleep("20m")
        assert len(t.channel().heard) == told
        assert await t.keys() == set()
        assert len(t.restarts("a")) == case.restarts
