"""The journal on real disks: killed, full, damaged, locked, removed, from another time."""
# ruff: noqa: ASYNC220, ASYNC221, ASYNC251  # the test itself may block; the store may not

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.health import Health, HealthState
from supervisor.ports import Entry, Row, Saved, StoreError, StoreLockedError
from supervisor.stores import _database, _schema
from supervisor.stores.sqlite import SqliteStore
from tests.support.journal import NOW, entry
from tests.support.needs import missing

ROOT = Path(__file__).parents[2]


def query(path: Path, sql: str) -> list[Any]:
    """Ask or change the file behind the store's back."""
    conn = sqlite3.connect(path)
    try:
        found = conn.execute(sql).fetchall()
        conn.commit()
        return found
    finally:
        conn.close()


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    made = SqliteStore(tmp_path / "own" / "journal.db")
    yield made
    await made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "journal.db"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        missing("root", "to mount a small tmpfs")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        missing("mount", mounted.stderr.strip())
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


# --- killed ------------------------------------------------------------------------------------------


async def test_killed_at_any_moment_it_keeps_what_it_acknowledged_and_nothing_by_halves(path: Path) -> None:
    chance = random.Random()  # any moment will do
    acknowledged: set[int] = set()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.journal", str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as lives:
        assert lives.stdin is not None
        assert lives.stdout is not None
        for life in range(50):
            print(1 + 10_000 * life, file=lives.stdin, flush=True)
            pid = int(lives.stdout.readline())
            acknowledged.add(int(lives.stdout.readline()))
            time.sleep(chance.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            acknowledged.update(map(int, iter(lives.stdout.readline, "dead\n")))

    store = SqliteStore(path)
    saved = await store.open()
    rows = await store.rows(limit=1_000_000)
    await store.close()
    assert saved.notes == ()
    kept = {row.id for row in rows}
    assert acknowledged <= kept
    assert saved.agents == {f"agent-{n}": Health(HealthState.ESCALATED, misses=n) for n in kept}
    assert {i.id for i in saved.incidents} == {f"i{n}" for n in kept}
    assert {d.id for d in saved.deliveries} == {f"d{n}" for n in kept}


# --- one process -------------------------------------------------------------------------------------


async def test_a_second_opener_is_told_who_has_it(store: SqliteStore, path: Path) -> None:
    await store.open()
    second = SqliteStore(path)
    with pytest.raises(
        StoreLockedError, match=rf"another daemon holds the journal \(pid {os.getpid()} since 20.*{path}.lock"
    ):
        await second.open()
    await store.commit(entry(1))
    await store.close()
    assert set((await second.open()).agents) == {"agent-1"}
    await second.close()


async def test_the_lock_ends_with_its_process_and_not_with_its_children(path: Path) -> None:
    script = """
import asyncio, subprocess, sys
from pathlib import Path
from supervisor.stores.sqlite import SqliteStore
async def hold():
    await SqliteStore(Path(sys.argv[1])).open()
    child = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(hold())
"""
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder, holder.stdout:
        child = int(holder.stdout.readline())
        try:
            store = SqliteStore(path)
            with pytest.raises(StoreLockedError, match=f"pid {holder.pid} "):
                await store.open()
            holder.kill()
            holder.wait()
            os.kill(child, 0)  # it still runs
            await store.open()
            await store.close()
        finally:
            os.kill(child, signal.SIGKILL)


async def test_opened_again_it_keeps_its_lock(store: SqliteStore, path: Path) -> None:
    await store.open()
    await store.open()
    with pytest.raises(StoreLockedError):
        await SqliteStore(path).open()


async def test_only_the_owner_may_read_it(store: SqliteStore, path: Path) -> None:
    await store.open()
    await store.commit(entry(1))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {f"journal.db{suffix}": 0o600 for suffix in ("", "-wal", "-shm", ".lock")}


# --- damaged -----------------------------------------------------------------------------------------


async def written(path: Path, count: int = 200) -> None:
    store = SqliteStore(path)
    await store.open()
    await asyncio.gather(*(store.commit(entry(n)) for n in range(1, count + 1)))
    await store.close()


@pytest.mark.parametrize("damage", ["no database", "torn", "page", "table"])
async def test_a_damaged_file_is_set_aside_and_said(store: SqliteStore, path: Path, damage: str) -> None:
    await written(path)
    data = path.read_bytes()
    match damage:
        case "no database":
            path.write_bytes(b"not a database, but long enough to be looked at\n" * 100)
        case "torn":
            path.write_bytes(data[: len(data) // 2])
        case "page":
            path.write_bytes(data[:4096] + os.urandom(8192) + data[12288:])
        case "table":
            query(path, "DROP TABLE deliveries")
    bad = path.read_bytes()
    saved = await store.open()
    assert saved.agents == {}
    (note,) = saved.notes
    (aside,) = path.parent.glob("journal.db.corrupt-20*Z")
    assert str(path) in note
    assert str(aside) in note
    assert damage == "table" or aside.read_bytes() == bad
    await store.commit(entry(1))
    await store.close()
    again = await store.open()
    assert (set(again.agents), again.notes) == ({"agent-1"}, ())


async def test_two_damages_in_one_second_get_two_names(store: SqliteStore, path: Path) -> None:
    path.parent.mkdir()
    for _ in range(2):
        path.write_bytes(b"x" * 5000)
        await store.open()
        await store.close()
    assert len(list(path.parent.glob("journal.db.corrupt-*"))) == 2


async def test_one_undecodable_value_does_not_lose_the_rest(store: SqliteStore, path: Path) -> None:
    await written(path, 5)
    query(path, """UPDATE agents SET state = '{"state": "levitating"}' WHERE name = 'agent-1'""")
    query(path, "UPDATE incidents SET data = CAST(x'7bff' AS TEXT) WHERE id = 'i2'")
    query(path, "UPDATE deliveries SET data = '{}' WHERE id IN ('d3', 'd4')")
    query(path, "UPDATE rows SET fields = '[broken' WHERE id = 5")
    saved = await store.open()
    assert set(saved.agents) == {"agent-2", "agent-3", "agent-4", "agent-5"}
    assert [i.id for i in saved.incidents] == ["i1", "i3", "i4", "i5"]
    assert [d.id for d in saved.deliveries] == ["d1", "d2", "d5"]
    agents, incidents, deliveries = saved.notes
    assert "1 of table agents" in agents
    assert "agent-1: Invalid enum value 'levitating'" in agents
    assert "1 of table incidents" in incidents
    assert "2 of table deliveries" in deliveries
    assert (await store.rows())[-1].fields == {"unreadable": "[broken"}
    await store.close()
    assert query(path, 'SELECT "table", key FROM rejected ORDER BY 1, 2') == [
        ("agents", "agent-1"),
        ("deliveries", "d3"),
        ("deliveries", "d4"),
        ("incidents", "i2"),
    ]
    assert (await store.open()).notes == ()


async def test_damage_met_while_running_is_an_error_and_opening_again_begins_anew(path: Path) -> None:
    await written(path, 2000)
    store = SqliteStore(path)
    await store.open()
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    many = (store.commit(entry(number)) for number in range(1, 3000, 100))
    with pytest.raises(StoreError, match=r"journal\.db: can not be written: database disk image is malformed"):
        await asyncio.gather(*many)
    saved = await store.open()
    assert "set aside" in saved.notes[0]
    await store.commit(entry(1))
    assert len(await store.rows()) == 1
    await store.close()


async def test_an_empty_file_is_a_new_journal(store: SqliteStore, path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert await store.open() == Saved()


# --- from another time, from another program ---------------------------------------------------------


async def test_a_step_to_a_newer_schema_keeps_what_is_there(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(path, 3)
    assert query(path, "PRAGMA user_version") == [(len(_schema.MIGRATIONS),)]
    newer = (*_schema.MIGRATIONS, "ALTER TABLE facts ADD COLUMN since REAL; CREATE TABLE extra (x)")
    monkeypatch.setattr(_schema, "MIGRATIONS", newer)
    assert len((await store.open()).agents) == 3
    await store.close()
    assert query(path, "PRAGMA user_version") == [(len(newer),)]
    assert query(path, "SELECT count(*) FROM extra") == [(0,)]


async def test_a_step_that_fails_changes_nothing(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(path, 3)
    with monkeypatch.context() as patch:
        patch.setattr(_schema, "MIGRATIONS", (*_schema.MIGRATIONS, "CREATE TABLE extra (x); ALTER TABLE none ADD y"))
        with pytest.raises(StoreError, match="no such table: none"):
            await store.open()
    assert query(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'extra'") == [(0,)]
    assert len((await store.open()).agents) == 3


async def test_a_journal_from_the_future_is_refused_and_left_alone(store: SqliteStore, path: Path) -> None:
    await written(path, 3)
    query(path, "PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"version 99, .* up to 2\b"):
        await store.open()
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.corrupt-*"))


async def test_unknown_keys_are_passed_over_and_missing_ones_take_defaults(store: SqliteStore, path: Path) -> None:
    await written(path, 1)
    query(path, """UPDATE agents SET state = '{"misses": 4, "halo": [1]}'""")
    saved = await store.open()
    assert (saved.agents, saved.notes) == ({"agent-1": Health(misses=4)}, ())


async def test_a_database_of_another_program_is_left_alone(store: SqliteStore, path: Path) -> None:
    path.parent.mkdir()
    query(path, "CREATE TABLE agents (theirs)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        await store.open()
    assert path.read_bytes() == before


# --- unwritable --------------------------------------------------------------------------------------


async def test_a_folder_in_its_place(store: SqliteStore, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=rf"{path}: not a regular file"):
        await store.open()
    path.rmdir()
    await store.open()


async def test_a_fifo_in_its_place_hangs_nobody(store: SqliteStore, path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(StoreError, match="not a regular file"):
        await asyncio.wait_for(store.open(), 10)


async def test_a_file_where_its_folder_should_be(store: SqliteStore, path: Path) -> None:
    path.parent.write_text("in the way")
    with pytest.raises(StoreError, match=r"journal\.db: can not be opened: .*File exists"):
        await store.open()


async def test_a_read_only_disk(small_disk: Path) -> None:
    path = small_disk / "journal.db"
    await written(path, 1)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    store = SqliteStore(path)
    with pytest.raises(StoreError, match=r"journal\.db: can not be opened: .*Read-only file system"):
        await store.open()
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert set((await store.open()).agents) == {"agent-1"}
    await store.close()


async def test_a_full_disk_while_running(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "journal.db")
    await store.open()
    await store.commit(entry(1))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
    many = (store.commit(entry(number, size=20_000)) for number in range(2, 50))
    with pytest.raises(StoreError, match=r"small/journal\.db: can not be written: database or disk is full"):
        await asyncio.gather(*many)
    ballast.unlink()
    await store.commit(entry(100))
    assert (await store.rows())[-1].id == 100
    saved = await store.open()
    assert {"agent-1", "agent-100"} <= set(saved.agents)
    assert saved.notes == ()
    await store.close()


async def test_a_full_disk_at_the_start(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "journal.db")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
    with pytest.raises(StoreError, match=r"journal\.db"):
        await store.open()
    ballast.unlink()
    assert (await store.open()).notes == ()
    await store.commit(entry(1))
    await store.close()


async def test_removed_while_running(store: SqliteStore, path: Path) -> None:
    await store.open()
    await store.commit(entry(1))
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    with pytest.raises(StoreError, match=r"journal\.db: can not be written: .*No such file"):
        await store.commit(entry(2))
    assert await store.open() == Saved()
    await store.commit(entry(3))
    assert query(path, "SELECT name FROM agents") == [("agent-3",)]
    with pytest.raises(StoreLockedError):  # the lock was made anew as well
        await SqliteStore(path).open()


async def test_replaced_while_running(store: SqliteStore, path: Path) -> None:
    await store.open()
    path.rename(path.with_name("moved"))
    path.touch()
    with pytest.raises(StoreError, match="another file has taken the journal's place"):
        await store.commit(entry(1))


async def test_a_backup_that_holds_the_file_too_long_fails_all_who_wait_at_once(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_database, "_BUSY_TIMEOUT", 0.5)
    await store.open()
    backup = sqlite3.connect(path, isolation_level=None)
    backup.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    commits = (store.commit(entry(n)) for n in range(1, 101))
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    assert time.monotonic() - begin < 20  # two waits, not a hundred and one
    assert {type(outcome) for outcome in outcomes} == {StoreError}
    assert "locked" in str(outcomes[-1])
    backup.close()
    await store.commit(entry(1))


# --- speed and space ---------------------------------------------------------------------------------


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
