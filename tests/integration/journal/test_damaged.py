"""The journal on a real disk: damaged."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from supervisor.ports import Saved, StoreError
from supervisor.stores.sqlite import SqliteStore
from tests.support.journal import entry, query, written


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
