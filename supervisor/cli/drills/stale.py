"""A heartbeat file is written again and again, and always says the same old thing.

A file that is new on disk is no heartbeat: what a backup brings back, or a loop that has nothing to say, keeps no agent
alive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._guest import Guest
from supervisor.cli.drills._step import Step, within

_WRITTEN_EVERY = 0.3


async def visit(guest: Guest) -> AsyncGenerator[Step, None]:
    """Beat once, and write the file anew until after its deadline."""
    guest.heart.ok()
    await guest.logged("health_changed", new="healthy")
    old = guest.document.read_bytes()
    last = moment((await guest.seen())["last_heartbeat"])
    while time.time() < last + 1.5 * guest.timeout:
        guest.document.write_bytes(old)
        await asyncio.sleep(_WRITTEN_EVERY)
    missed = await guest.logged("heartbeat_missed")
    yield within("its deadline passes all the same", moment(missed["timestamp"]) - last - guest.timeout)
    agent = await guest.seen()
    apart = abs(moment(agent["last_heartbeat"]) - last)
    yield Step("its last heartbeat is the old one", f"{apart:.2f} s apart", apart == 0)
    yield Step("it is unhealthy", agent["status"], agent["status"] == "unhealthy")
    at = time.time()
    guest.heart.ok()
    healthy = await guest.logged("health_changed", new="healthy", after=at)
    yield within("a new heartbeat counts", moment(healthy["timestamp"]) - at)
