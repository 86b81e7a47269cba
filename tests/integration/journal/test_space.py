"""The journal on a real disk: how fast it is and how much room it takes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.ports import Entry, Row, StoreError
from supervisor.stores.sqlite import SqliteStore
from tests.support.journal import NOW, entry, query


async def test_whatever_waits_goes_into_one_transaction(store: SqliteStore) -> None:
    await store.open()
    conn = store._database._conn
    assert conn is not None
    seen: list[str] = []
    conn.set_trace_callback(seen.append)
    await asyncio.gather(*(store.commit(entry(n)) for n in range(1, 101)))
    conn.set_trace_callback(None)
    assert seen.count("COMMIT") == 1
    assert len(await store.rows()) == 100


async def test_one_that_the_database_refuses_does_not_fail_the_others(store: SqliteStore) -> None:
    await store.open()
    (good,) = entry(2).rows
    bad = replace(entry(1), rows=(replace(good, id=2**70),))
    outcomes = await asyncio.gather(
        store.commit(bad), *(store.commit(entry(n)) for n in range(2, 50)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [StoreError] + [type(None)] * 48
    assert "agent-1" not in (await store.open()).agents
    assert [row.id for row in await store.rows()] == list(range(2, 50))


async def test_what_waits_is_written_before_it_closes(store: SqliteStore) -> None:
    await store.open()
    commits = [asyncio.create_task(store.commit(entry(n))) for n in range(1, 20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*commits)
    assert len((await store.open()).agents) == 19


async def test_a_long_read_delays_neither_the_loop_nor_a_commit(store: SqliteStore) -> None:
    await store.open()
    rows = tuple(
        Row(NOW + n / 10, "health_changed", f"agent-{n % 10_000}", None, {"n": n}, n) for n in range(1, 100_001)
    )
    await store.commit(Entry(rows=rows))
    reading = asyncio.create_task(store.rows(events={"health_changed"}, since=NOW, limit=100_000))
    commits, slowest = 0, 0.0
    while not reading.done():
        begin = time.monotonic()
        await store.commit(entry(200_000 + commits))
        commits, slowest = commits + 1, max(slowest, time.monotonic() - begin)
    assert len(reading.result()) == 100_000
    assert commits >= 3  # they did not queue behind the read
    assert slowest < 2


async def test_closing_cuts_a_long_read_short(store: SqliteStore) -> None:
    await store.open()
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    reading = asyncio.create_task(store._on_reader(store._reader._query, endless, (), list))
    await asyncio.sleep(0)
    await asyncio.wait_for(store.close(), 30)
    with pytest.raises(StoreError, match="interrupted"):
        await reading


async def test_the_history_of_a_day_is_found_by_its_index(store: SqliteStore, path: Path) -> None:
    await store.open()
    plan = query(
        path,
        "EXPLAIN QUERY PLAN SELECT id, fields FROM rows WHERE true AND at >= 1 AND event = 'health_changed' "
        "ORDER BY id DESC LIMIT 100000",
    )
    assert "INDEX rows_event (event=? AND at>?)" in plan[0][3]


async def test_prune_gives_the_space_back_while_commits_go_on(store: SqliteStore, path: Path) -> None:
    await store.open()
    rows = tuple(Row(NOW + n, "x", None, None, {"text": "x" * 500}, n) for n in range(1, 20_001))
    await store.commit(Entry(rows=rows))
    (pages,) = query(path, "PRAGMA page_count")[0]
    pruning = asyncio.create_task(store.prune(NOW + 19_001))
    commits = 0
    while not pruning.done():
        await store.commit(Entry(facts=(("commits", str(commits)),)))
        commits += 1
    assert pruning.result() == 19_000
    assert commits >= 5
    assert query(path, "PRAGMA page_count")[0][0] < pages / 5
    assert query(path, "PRAGMA auto_vacuum") == [(2,)]


async def test_the_log_of_writes_that_a_long_reader_swelled_is_cut_again(store: SqliteStore, path: Path) -> None:
    await store.open()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM rows").fetchone()
    for n in range(1, 25):
        await store.commit(Entry(rows=(Row(NOW, "x", None, None, {"text": "x" * 1_000_000}, n),)))
    wal = path.with_name("journal.db-wal")
    assert wal.stat().st_size > 20_000_000
    reader.close()
    for n in range(3):
        await store.commit(entry(100 + n))
    assert wal.stat().st_size < 9_000_000


async def test_the_file_stays_as_large_as_its_retention_however_many_weeks_pass(store: SqliteStore, path: Path) -> None:
    await store.open()
    day, numbers = 86_400.0, iter(range(1, 1_000_000))
    (still_open,) = entry(1).incidents
    await store.commit(Entry(incidents=(replace(still_open, id="first", opened_at=NOW),)))
    sizes: list[int] = []
    for today in range(8 * 7):
        at = NOW + today * day
        rows = tuple(
            Row(at + second, "health_changed", "a", None, {"reason": "no heartbeat" * 9}, next(numbers))
            for second in range(0, 86_400, 200)
        )
        await store.commit(Entry(rows=rows, facts=(("alive_at", str(at)),)))
        await store.prune(at - 7 * day)
        sizes.append(query(path, "PRAGMA page_count")[0][0])
    week_three, last = sizes[14:21], sizes[-7:]
    assert max(last) <= 1.02 * max(week_three)
    assert len(await store.rows(limit=100_000)) == 8 * 432
    assert [incident.id for incident in await store.incidents()] == ["first"]
