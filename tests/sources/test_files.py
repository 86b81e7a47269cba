from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from supervisor.ports import Alive
from supervisor.sources import files
from supervisor.sources.files import FileSource, Pace, Root


async def test_a_source_with_nothing_to_say_says_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service manager's watchdog is fed only while it does."""
    monkeypatch.setattr(files, "ALIVE_EVERY", 0.2)
    source = FileSource([Root(tmp_path)], Pace(check_every=0.05))
    lives = 0
    async with asyncio.timeout(10):
        async for event in source.events():
            lives += isinstance(event, Alive)
            if lives == 3:
                break
