"""SIGKILL of an agent that the daemon runs.

Its death is seen by the kernel's word, not by its silence: the promised heartbeat is still far away.
"""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site, send_to
from supervisor.cli.drills._step import Step, within


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Kill the agent once."""
    site.configure(f"""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "1m"
[agents.worker.restart]
{site.managed("worker")}
""")
    await site.start()
    await site.logged("health_changed", new="healthy")
    before = await site.agent("worker")
    at = time.time()
    send_to(site.lives("worker")[-1]["pid"], signal.SIGKILL)
    died = await site.logged("agent_exited")
    yield within("its death is seen", moment(died["timestamp"]) - at)
    yield Step("the log says how it died", f"exit code {died['exit_code']}", died["exit_code"] == -signal.SIGKILL)
    finished = await site.logged("restart_finished", after=at)
    yield Step("it is restarted", f"ok after {finished['seconds']:.2f} s", finished["ok"])
    beat = await site.logged("health_changed", new="healthy", after=at)
    after, lives = await site.agent("worker"), len(site.lives("worker"))
    yield Step(
        "it beats again, in a second life",
        f"{after['status']} after {moment(beat['timestamp']) - at:.2f} s, in life {lives}",
        after["status"] == "healthy" and after["incarnation"] != before["incarnation"] and lives == 2,  # noqa: PLR2004
    )
