"""An agent says itself that its work has failed.

A heartbeat of kind `fail` is a miss at once, though the deadline is far away.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count

_WORDS = "no access to the bank"


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Beat, fail, beat."""
    site.configure("""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "1m"
""")
    heart = site.heart("worker")
    heart.start()
    await site.start()
    await site.logged("health_changed", new="healthy")
    at = time.time()
    heart.fail(_WORDS)
    missed = await site.logged("heartbeat_missed")
    yield within("it is a miss", moment(missed["timestamp"]) - at)
    yield Step("the log says why", missed["reason"], missed["reason"] == "the agent reported a failure")
    agent = await site.agent("worker")
    yield Step("its own words are kept, as data", str(agent["message"]), agent["message"] == _WORDS)
    got = f"{agent['status']}, {count(agent['consecutive_misses'], 'miss')}"
    yield Step(
        "it is unhealthy, with one miss", got, (agent["status"], agent["consecutive_misses"]) == ("unhealthy", 1)
    )
    at = time.time()
    heart.ok()
    healthy = await site.logged("health_changed", new="healthy", after=at)
    yield within("a good heartbeat makes it healthy", moment(healthy["timestamp"]) - at)
