"""The journal on a real disk: from another time, from another program."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.domain.health import Health
from supervisor.ports import StoreError
from supervisor.stores import _schema
from supervisor.stores.sqlite import SqliteStore
from tests.support.journal import query, written


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
