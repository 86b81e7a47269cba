"""A journal of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisor.stores.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    made = SqliteStore(tmp_path / "own" / "journal.db")
    yield made
    await made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "journal.db"
