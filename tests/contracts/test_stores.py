"""What every `ports.Store` promises, on each adapter."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.activity import Activity
from supervisor.domain.burn import Burn, Spent
from supervisor.domain.delivery import DeliveryState, NoticeKind
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.events import Beat, BeatKind, Phase, RestartAsked
from supervisor.domain.flapping import Flapping
from supervisor.domain.health import Health, HealthState, handle
from supervisor.domain.loop import Loop
from supervisor.domain.policy import Policy, RestartPolicy
from supervisor.domain.postcondition import Outcome, Postcondition
from supervisor.domain.progress import Progress
from supervisor.domain.restarts import History
from supervisor.ports import Entry, Saved, Store, StoreError
from supervisor.stores import memory
from supervisor.stores.memory import MemoryStore
from tests.support.stores import ADAPTERS, NOW, delivery, incident, reopened, row, silence

RESTARTING, _ = handle(Health(), RestartAsked("eve"), NOW - 60, Policy(restart=RestartPolicy()), name="a")
HEALTH = replace(
    RESTARTING,
    state=HealthState.ESCALATED,
    since=NOW,
    misses=2,
    beat=Beat(
        NOW - 5000.25,
        BeatKind.FAIL,
        "f1",
        incarnation="x-1",
        seq=2**70,
        phase=Phase.CRITICAL,
        cost="1.50",
        message="Füße ✓ \x00 ' \" \\",
        extra={"deep": [{"a": None, "b": [1, 2.5, True]}]},
    ),
    due=NOW + 900,
    history=History((NOW - 120, NOW - 60), 2, NOW - 50, 3),
    incident=True,
    retired=("x-0",),
    postcondition=Postcondition(NOW, since=NOW - 60, outcomes=(Outcome("/a", 60.0, NOW - 61), Outcome("/b", 60.0))),
    activity=Activity("/a.log", NOW - 9, NOW - 5),
    skipped=NOW - 90,
    loop=Loop(NOW, stuck=True, nudged=True, works=(2**48 - 1, 1), period=1),
    progress=Progress(NOW, nudged=True, seq=7, pending=5, since=NOW - 60),
    flapping=Flapping(0b1011, well=False, at=NOW, on=True),
    burn=Burn(NOW, 9.5, Decimal("12.340"), (Spent(NOW, 0.5, Decimal("0.10")),), over=True, due=NOW + 3600),
)


async def test_a_new_store_is_empty(store: Store) -> None:
    assert await store.open() == Saved()
    assert list(await store.rows()) == []
    assert list(await store.incidents()) == []


async def test_everything_comes_back_as_it_was(store: Store) -> None:
    await store.open()
    entry = Entry(
        agents=(("payment-watcher", HEALTH), ("new", Health())),
        incidents=(incident(evidence={"lines": ["x", 1]}, told=("person",)),),
        deliveries=(delivery(message={"type": "AGENT_ESCALATION", "n": 1, "evidence": {"a": [None]}}),),
        silences=(silence(),),
        facts=(("stopped_at", "1700000000.5"),),
    )
    await store.commit(entry)
    saved = await reopened(store)
    assert saved == Saved(
        agents=dict(entry.agents),
        incidents=entry.incidents,
        deliveries=entry.deliveries,
        silences=entry.silences,
        facts=dict(entry.facts),
    )


async def test_new_values_take_the_place_of_old_ones(store: Store) -> None:
    await store.open()
    await store.commit(
        Entry(
            agents=(("a", Health()), ("b", Health())),
            incidents=(incident(),),
            deliveries=(delivery(),),
            silences=(silence(),),
            facts=(("k", "1"),),
        )
    )
    later = Entry(
        agents=(("a", HEALTH),),
        forgotten=("b", "never-seen"),
        incidents=(incident(acked_by="eve", state=IncidentState.ACKNOWLEDGED),),
        deliveries=(delivery(attempts=2, error="refused"),),
        silences=(silence(ends_at=NOW - 1),),
        facts=(("k", "2"),),
    )
    await store.commit(later)
    saved = await reopened(store)
    assert saved.agents == {"a": HEALTH}
    assert (saved.incidents, saved.deliveries, saved.silences) == (later.incidents, later.deliveries, later.silences)
    assert saved.facts == {"k": "2"}


async def test_the_order_of_commits_that_wait_together_is_kept(store: Store) -> None:
    await store.open()
    await asyncio.gather(
        store.commit(Entry(agents=(("gone", HEALTH), ("back", HEALTH)))),
        store.commit(Entry(forgotten=("gone", "back"))),
        store.commit(Entry(agents=(("back", Health(misses=1)),))),
        store.commit(Entry(agents=(("back", Health(misses=2)),))),
    )
    assert (await reopened(store)).agents == {"back": Health(misses=2)}


async def test_what_is_over_stays_away_but_an_unsent_end_comes_back(store: Store) -> None:
    await store.open()
    await store.commit(
        Entry(
            incidents=(incident(1), resolved(2), resolved(3), incident(4, state=IncidentState.ACKNOWLEDGED)),
            deliveries=(
                delivery(1, "i1", state=DeliveryState.SENT),
                delivery(2, "i2", kind=NoticeKind.RESOLVED),
                delivery(3, "i3", state=DeliveryState.REFUSED),
                delivery(4, "i3", state=DeliveryState.CANCELLED),
            ),
        )
    )
    saved = await reopened(store)
    assert [i.id for i in saved.incidents] == ["i1", "i2", "i4"]
    assert [d.id for d in saved.deliveries] == ["d2"]


async def test_rows_by_time_number_agent_and_event(store: Store) -> None:
    await store.open()
    rows = (row(1), row(2, agent="b"), row(3, event="restart_started"), row(4, agent=None), row(5))
    await store.commit(Entry(rows=rows))

    async def numbers(**query: Any) -> list[int]:
        return [found.id for found in await store.rows(**query)]

    assert list(await store.rows()) == list(rows)
    assert await numbers(since=NOW + 3) == [3, 4, 5]
    assert await numbers(after=2) == [3, 4, 5]
    assert await numbers(after=5) == []
    assert await numbers(before=3) == [1, 2]
    assert await numbers(before=5, after=1, limit=2) == [2, 3]
    assert await numbers(after=2, limit=2) == [3, 4]
    assert await numbers(before=1) == []
    assert await numbers(agent="a") == [1, 3, 5]
    assert await numbers(events={"health_changed"}) == [1, 2, 4, 5]
    assert await numbers(events={"health_changed"}, since=NOW + 2, limit=2) == [4, 5]
    assert await numbers(events=("health_changed", "restart_started"), since=NOW + 2) == [2, 3, 4, 5]
    assert await numbers(events=()) == []
    assert await numbers(agent="a", events=["health_changed"], after=1) == [5]
    assert await numbers(limit=2) == [4, 5]
    assert await numbers(agent="nobody") == []


async def test_the_newest_row_is_the_last_written_whatever_its_clock_said(store: Store) -> None:
    await store.open()
    await store.commit(Entry(rows=(row(1, at=NOW + 7200), row(2, at=NOW))))
    assert [found.id for found in await store.rows(limit=1)] == [2]
    assert [found.id for found in await store.rows(since=NOW + 1)] == [1]


async def test_a_row_written_twice_is_there_once(store: Store) -> None:
    await store.open()
    await store.commit(Entry(rows=(row(7),)))
    await store.commit(Entry(rows=(row(7), row(8))))
    assert [found.id for found in await store.rows()] == [7, 8]


async def test_a_row_without_a_number_gets_the_next(store: Store) -> None:
    await store.open()
    await store.commit(Entry(rows=(row(41), replace(row(0), fields={"x": 1}))))
    assert [found.id for found in await store.rows()] == [41, 42]


async def test_incidents_newest_first(store: Store) -> None:
    await store.open()
    await store.commit(Entry(incidents=(incident(2), resolved(1), incident(3))))
    assert [i.id for i in await store.incidents()] == ["i3", "i2", "i1"]
    assert [i.id for i in await store.incidents(since=NOW + 2)] == ["i3", "i2"]
    assert [i.id for i in await store.incidents(limit=1)] == ["i3"]
    assert [i.id for i in await store.incidents(before=(incident(3).opened_at, "i3"), limit=1)] == ["i2"]
    assert [i.id for i in await store.incidents(before=(incident(2).opened_at, "i3"))] == ["i2", "i1"]
    assert await store.incidents(before=(incident(1).opened_at, "i1")) == []


async def test_prune_takes_the_old_and_leaves_the_unfinished(store: Store) -> None:
    await store.open()
    old, unsent, fresh, still_open = (resolved(n, at) for n, at in ((1, NOW), (2, NOW), (3, NOW + 900), (4, NOW)))
    still_open = replace(still_open, state=IncidentState.TRIGGERED, resolved_at=None)
    await store.commit(
        Entry(
            incidents=(old, unsent, fresh, still_open),
            deliveries=(delivery(1, "i1", state=DeliveryState.SENT), delivery(2, "i2")),
            silences=(silence(1, NOW - 1), silence(2)),
            rows=(row(1, NOW - 1), row(2, NOW + 499), row(3, NOW + 500)),
        )
    )
    assert await store.prune(NOW + 500) == 3
    assert [i.id for i in await store.incidents()] == ["i4", "i3", "i2"]
    assert [found.id for found in await store.rows()] == [3]
    saved = await reopened(store)
    assert [d.id for d in saved.deliveries] == ["d2"]
    assert [s.id for s in saved.silences] == ["s2"]
    assert await store.prune(NOW + 500) == 0


async def test_one_bad_entry_fails_alone_and_whole(store: Store) -> None:
    await store.open()
    bad = Entry(agents=(("bad", HEALTH),), rows=(replace(row(2), fields={"x": object()}),))
    outcomes = await asyncio.gather(
        store.commit(Entry(rows=(row(1),))),
        store.commit(bad),
        store.commit(Entry(rows=(row(3),))),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), StoreError, type(None)]
    assert [found.id for found in await store.rows()] == [1, 3]
    assert (await reopened(store)).agents == {}


async def test_a_name_that_is_no_utf8_is_kept_as_well_as_can_be(store: Store) -> None:
    await store.open()
    await store.commit(Entry(rows=(replace(row(1), fields={"path": "/tmp/\udcff", "reason": "gone"}),)))
    (found,) = await store.rows()
    assert found.fields == {"path": "/tmp/?", "reason": "gone"}


async def test_a_cancelled_waiter_disturbs_nobody(store: Store) -> None:
    await store.open()
    first, second = (asyncio.create_task(store.commit(Entry(rows=(row(n),)))) for n in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert 2 in [found.id for found in await store.rows()]


async def test_closed_it_refuses_and_opened_again_it_works(store: Store) -> None:
    with pytest.raises(StoreError, match="not open"):
        await store.commit(Entry())
    await store.close()
    await store.open()
    await store.close()
    await store.close()
    for call in (store.commit(Entry()), store.rows(), store.incidents(), store.prune(NOW)):
        with pytest.raises(StoreError, match="not open"):
            await call
    await store.open()
    await store.commit(Entry(rows=(row(1),)))
    await store.open()  # open already: begins anew, and loses nothing
    assert len(await store.rows()) == 1


async def test_in_memory_the_oldest_rows_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_ROWS_KEPT", 3)
    store = MemoryStore()
    await store.open()
    await store.commit(Entry(rows=tuple(row(n) for n in range(1, 6))))
    assert [found.id for found in await store.rows()] == [3, 4, 5]


def resolved(number: int = 1, at: float = NOW + 100) -> Incident:
    return incident(number, state=IncidentState.RESOLVED, resolved_at=at, told=("person",))


@pytest.fixture(params=sorted(ADAPTERS))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = ADAPTERS[request.param](tmp_path)
    yield made
    await made.close()
