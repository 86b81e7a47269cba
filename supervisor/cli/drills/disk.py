"""The disk that the journal lies on is full.

It is a real one, of two megabytes, that only this daemon sees: a tmpfs in a mount namespace of its own. Heartbeats lie
elsewhere. Supervision goes on; what could not be written is written once there is room.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import ImpossibleError, Step, within

_MOUNT = ["/bin/sh", "-ec", 'mount -t tmpfs -o size=2m,mode=700 tmpfs "$0"; exec "$@"']
_BLOCK = bytes(4096)
_SOON = 10.0  # a journal that failed is tried again every 5 s


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Fill the disk, have an agent fail, make room."""
    site.data.mkdir()
    within_disk = await asyncio.to_thread(_surroundings, site.data)
    site.configure("""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "1m"
escalate_after = 1
[channels.people]
kind = "file"
path = "people.jsonl"
""")
    site.daemon = [*within_disk, *site.daemon]
    heart = site.heart("worker")
    heart.start()
    await site.start()
    await site.logged("health_changed", new="healthy")
    filler = Path(f"/proc/{site.pid}/root{site.data}/filler")
    await asyncio.to_thread(_fill, filler)
    at = time.time()
    heart.fail("a drill")
    missed = await site.logged("heartbeat_missed")
    yield within("a miss is seen all the same", moment(missed["timestamp"]) - at)
    failed = await site.logged("journal_failed")
    error = failed["error"].removeprefix(f"{site.data}/")
    yield Step("the log says that the journal fails, and why", error, "full" in error)
    await site.logged("notification_sent", kind="triggered")
    yield Step("a person is told", ", ".join(site.told()), site.told() == ["AGENT_ESCALATION"])
    at = time.time()
    await asyncio.to_thread(filler.unlink)
    restored = await site.logged("journal_restored")
    yield within("once there is room it is written", moment(restored["timestamp"]) - at, _SOON)
    kept = [row["event"] for row in await site.kept()]
    counts = {event: kept.count(event) for event in ("heartbeat_missed", "incident_opened", "notification_sent")}
    got = ", ".join(f"{number} {event}" for event, number in counts.items())
    yield Step("nothing that came meanwhile is lost", got, set(counts.values()) == {1})


def _surroundings(folder: Path) -> list[str]:
    """Return the words before a command that mount a small disk at `folder`, for that command only."""
    needed = "a small disk of our own can be mounted"
    unshare = shutil.which("unshare")
    if unshare is None:
        raise ImpossibleError(needed, "there is no unshare (util-linux)")
    words = [unshare, "--user", "--map-root-user", "--mount", *_MOUNT, str(folder)]
    tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise ImpossibleError(needed, tried.stderr.strip() or f"unshare ends with exit code {tried.returncode}")
    return words


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as full, suppress(OSError):
        while True:
            full.write(_BLOCK)
