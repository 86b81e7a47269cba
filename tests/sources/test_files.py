from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from supervisor.ports import Alive, SourceEvent
from supervisor.sources import files
from supervisor.sources._watch import Watch
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


async def test_a_walk_that_hangs_does_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_FAREWELL", 0.2)
    free, begun = threading.Event(), threading.Event()

    def hang(*_: object) -> list[SourceEvent]:
        begun.set()
        free.wait()
        return []

    monkeypatch.setattr(Watch, "turn", hang)
    try:
        async with asyncio.timeout(10):
            async with aclosing(FileSource([Root(tmp_path)]).events()) as events:
                await anext(events)
                await asyncio.to_thread(begun.wait)
    finally:
        free.set()
