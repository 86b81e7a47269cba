"""An agent says itself that its work has failed.

A heartbeat of kind `fail` is a miss at once, whatever its deadline.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._guest import Guest
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count

_WORDS = "no access to the bank"


async def visit(guest: Guest) -> AsyncGenerator[Step, None]:
    """Beat, fail, beat."""
    guest.heart.start()
    await guest.logged("health_changed", new="healthy")
    at = time.time()
    guest.heart.fail(_WORDS)
    missed = await guest.logged("heartbeat_missed")
    yield within("it is a miss", moment(missed["timestamp"]) - at)
    yield Step("the log says why", missed["reason"], missed["reason"] == "the agent reported a failure")
    agent = await guest.seen()
    yield Step("its own words are kept, as data", str(agent["message"]), agent["message"] == _WORDS)
    got = f"{agent['status']}, {count(agent['consecutive_misses'], 'miss')}"
    yield Step(
        "it is unhealthy, with one miss", got, (agent["status"], agent["consecutive_misses"]) == ("unhealthy", 1)
    )
    at = time.time()
    guest.heart.ok()
    healthy = await guest.logged("health_changed", new="healthy", after=at)
    yield within("a good heartbeat makes it healthy", moment(healthy["timestamp"]) - at)
