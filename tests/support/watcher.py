"""A process that watches folders, keeps what it was led to see, and prints it when asked: one JSON line a question.

Questions, a line each on standard input: `look`, or `limit N` to set its user namespace's inotify watches.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
from collections.abc import Set as AbstractSet
from pathlib import Path

from supervisor.ports import Changed, Relisted, SourceEvent, WatchLost, WatchRestored
from supervisor.sources.files import FileSource, Pace, Root


class _View:
    """What the process was led to see."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.news: list[str] = []
        self.listings: list[str] = []

    def take_in(self, event: SourceEvent) -> None:
        match event:
            case Changed(paths):
                self._look(paths)
            case Relisted(reason, paths):
                self.listings.append(reason)
                self._look(paths)
            case WatchLost(root, reason, observed):
                self.news.append(f"lost {root}: {reason}{' (polled)' if observed else ''}")
            case WatchRestored(root, means):
                self.news.append(f"restored {root}: {means}")

    def answer(self, question: str) -> None:
        if question.startswith("limit "):
            Path("/proc/sys/user/max_inotify_watches").write_text(question.split()[1], encoding="ascii")
        sys.stdout.write(json.dumps(vars(self)) + "\n")
        sys.stdout.flush()

    def _look(self, paths: AbstractSet[Path]) -> None:
        for path in paths:
            try:
                self.sizes[str(path)] = path.stat().st_size
            except OSError:
                self.sizes.pop(str(path), None)


async def _watch(roots: list[Path], pace: Pace) -> None:
    loop = asyncio.get_running_loop()
    view = _View()

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(view.answer, line)

    threading.Thread(target=listen, daemon=True).start()
    async for event in FileSource([Root(root) for root in roots], pace).events():
        view.take_in(event)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--walk-every", type=float, default=60.0)
    parser.add_argument("--uid", type=int)
    parser.add_argument("roots", type=Path, nargs="+")
    wanted = parser.parse_args()
    if wanted.uid is not None:
        os.setuid(wanted.uid)
    asyncio.run(_watch(wanted.roots, Pace(walk_every=wanted.walk_every, poll_every=0.2)))


if __name__ == "__main__":
    _main()
