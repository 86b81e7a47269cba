"""SIGKILL of the daemon in the middle of a restart and of an escalation.

Each time it is started again, and goes on where it was: nothing is lost, nothing happens twice.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator

from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Kill the daemon at the first miss, and at the incident."""
    site.configure(f"""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "1s"
check_interval = "1s"
[agents.worker.restart]
{site.counted()}
[channels.people]
kind = "file"
path = "people.jsonl"
""")
    heart = site.heart("worker")
    heart.start()
    await site.start()
    await site.logged("restart_started")
    await _crash(site)
    opened = await site.logged("incident_opened")
    await _crash(site)
    await site.logged("notification_sent", kind="triggered")
    incidents = [incident["id"] for incident in (await site.fleet())["incidents"]]
    yield Step("the incident is still open", f"{len(incidents)} open", incidents == [opened["incident"]])
    heart.ok()
    await site.logged("notification_sent", kind="resolved")
    yield Step("one restart was done", f"{site.restarts()} done", site.restarts() == 1)
    told = site.told()
    yield Step("one escalation was told", f"{told.count('AGENT_ESCALATION')} told", told.count("AGENT_ESCALATION") == 1)
    yield Step("one end was told", f"{told.count('AGENT_RESOLVED')} told", told.count("AGENT_RESOLVED") == 1)
    agent = await site.agent("worker")
    yield Step("the agent is healthy", agent["status"], agent["status"] == "healthy")


async def _crash(site: Site) -> None:
    await site.stop(signal.SIGKILL)
    await site.start()
