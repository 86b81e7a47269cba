"""A heartbeat file is written again and again, and always says the same old thing.

A file that is new on disk is no heartbeat: what a backup brings back, or a loop that has nothing to say, keeps no agent
alive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within

_TIMEOUT = 1.5
_WRITTEN_EVERY = 0.3


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Beat once, and write the file anew until long after its deadline."""
    site.configure(f"""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "{_TIMEOUT}s"
check_interval = "1m"
""")
    heart = site.heart("worker")
    await site.start()
    heart.ok()
    await site.logged("health_changed", new="healthy")
    file = site.beats / "worker.json"
    old = file.read_bytes()
    last = moment((await site.agent("worker"))["last_heartbeat"])
    while time.time() < last + 2 * _TIMEOUT:
        file.write_bytes(old)
        await asyncio.sleep(_WRITTEN_EVERY)
    missed = await site.logged("heartbeat_missed")
    yield within("its deadline passes all the same", moment(missed["timestamp"]) - last - _TIMEOUT)
    agent = await site.agent("worker")
    same = abs(moment(agent["last_heartbeat"]) - last)
    yield Step("its last heartbeat is the old one", f"{same:.2f} s apart", same == 0)
    yield Step("it is unhealthy", agent["status"], agent["status"] == "unhealthy")
    at = time.time()
    heart.ok()
    healthy = await site.logged("health_changed", new="healthy", after=at)
    yield within("a new heartbeat counts", moment(healthy["timestamp"]) - at)
