"""An agent beats, and then says nothing more, until it beats again.

Each miss comes at its time, and at the second one the agent is escalated. Nothing can restart it here.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._guest import Guest
from supervisor.cli.drills._step import Step, within


async def visit(guest: Guest) -> AsyncGenerator[Step, None]:
    """Beat, fall silent for two misses, beat."""
    at = time.time()
    guest.heart.start()
    healthy = await guest.logged("health_changed", new="healthy")
    yield within("its first heartbeat counts", moment(healthy["timestamp"]) - at)
    due = moment((await guest.seen())["last_heartbeat"]) + guest.timeout
    first = await guest.logged("heartbeat_missed", consecutive_misses=1)
    yield within(f"after {guest.timeout:g} s it is missed", moment(first["timestamp"]) - due)
    second = await guest.logged("heartbeat_missed", consecutive_misses=2)
    yield within(f"{guest.interval:g} s later again", moment(second["timestamp"]) - due - guest.interval)
    agent = await guest.seen()
    yield Step("it is escalated", agent["status"], agent["status"] == "escalated")
    at = time.time()
    guest.heart.ok()
    healthy = await guest.logged("health_changed", new="healthy", after=at)
    yield within("a heartbeat makes it healthy", moment(healthy["timestamp"]) - at)
