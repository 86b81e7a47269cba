"""SIGSTOP of an agent that the daemon runs.

It lives and does nothing: the restart must prove it gone before a second copy begins.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site, send_to
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count

_TIMEOUT = 1.5


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Freeze the agent, for good."""
    site.configure(f"""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "{_TIMEOUT}s"
check_interval = "5s"
[agents.worker.restart]
{site.managed("worker")}
""")
    await site.start()
    await site.logged("health_changed", new="healthy")
    send_to(site.lives("worker")[-1]["pid"], signal.SIGSTOP)
    missed = await site.logged("heartbeat_missed")
    last = moment(site.lines("cache/heartbeats/worker.json")[0]["timestamp"])
    yield within("its deadline is a miss", moment(missed["timestamp"]) - last - _TIMEOUT)
    finished = await site.logged("restart_finished", after=moment(missed["timestamp"]))
    yield Step("it is restarted", f"ok after {finished['seconds']:.2f} s", finished["ok"])
    healthy = await site.logged("health_changed", new="healthy", after=moment(missed["timestamp"]))
    beside = [pid for life in site.lives("worker") for pid in life["beside"]]
    yield Step("the new copy finds no old one beside it", f"{len(beside)} found", not beside)
    opened = len(site.log("incident_opened"))
    yield Step(
        "it beats again, and nobody was called",
        f"{healthy['new']}, {count(opened, 'incident')}",
        (await site.agent("worker"))["status"] == "healthy" and not opened,
    )
