"""The heartbeats folder is removed, and made again.

While it is gone nobody can beat, and nobody's silence counts.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count

_TIMEOUT = 1.5


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Take the folder away for longer than the agent may be silent."""
    site.configure(f"""
[gate]
settle = "1s"
[agents.worker]
heartbeat_timeout = "{_TIMEOUT}s"
check_interval = "1m"
[agents.worker.restart]
{site.counted()}
""")
    heart = site.heart("worker")
    await site.start()
    heart.start()
    await site.logged("health_changed", new="healthy")
    heart.ok()
    at = time.time()
    shutil.rmtree(site.beats)
    lost = await site.logged("watch_lost", path=str(site.beats))
    yield within(f"watch_lost says {lost['reason']}", moment(lost["timestamp"]) - at, _TIMEOUT)
    await asyncio.sleep(2 * _TIMEOUT)
    closed = [record["reason"] for record in site.log("gate_closed", after=at)]
    yield Step("the gate is closed", ", ".join(closed), closed == ["watch_lost"])
    misses, restarts = len(site.log("heartbeat_missed")), site.restarts()
    yield Step(
        "no miss, no restart while it is gone",
        f"{count(misses, 'miss')}, {count(restarts, 'restart')}",
        not misses + restarts,
    )
    at = time.time()
    site.beats.mkdir()
    heart.ok()
    restored = await site.logged("watch_restored", path=str(site.beats))
    yield within(f"watch_restored, by {restored['means']}", moment(restored["timestamp"]) - at, _TIMEOUT)
    beat = await site.logged("heartbeat_received", after=at)
    yield within("the first heartbeat counts", moment(beat["timestamp"]) - at, _TIMEOUT)
    opened = await site.logged("gate_opened", after=at)
    at = time.time()
    heart.ok()
    beat = await site.logged("heartbeat_received", after=at)
    yield within("so does the next one", moment(beat["timestamp"]) - at)
    misses = len(site.log("heartbeat_missed"))
    yield Step("no miss afterwards", f"{count(misses, 'miss')}, gate closed for {opened['seconds']:.1f} s", not misses)
