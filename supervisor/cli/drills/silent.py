"""An agent stops beating, and its restart does not help; the next one does.

The main story: miss, restart, second miss, escalation, a person is told, recovery, the person is told that too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within

_START_PERIOD = 1.5


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Watch the agent hang after a second, not come back in its second life, and work in its third."""
    site.configure(f"""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "1500ms"
check_interval = "5s"
start_period = "{_START_PERIOD}s"
[agents.worker.restart]
{site.managed("worker", "1=1", "2=0")}
[channels.people]
kind = "file"
path = "people.jsonl"
""")
    await site.start()
    missed = await site.logged("heartbeat_missed")
    finished = await site.logged("restart_finished", after=moment(missed["timestamp"]))
    yield Step("its first miss brings a restart", f"restart {finished['attempt']}, ok", finished["ok"])
    opened = await site.logged("incident_opened")
    late = moment(opened["timestamp"]) - moment(finished["timestamp"]) - _START_PERIOD
    yield within("the restart does not help: an incident", late)
    await site.logged("notification_sent", kind="triggered")
    yield Step("a person is told, once", ", ".join(site.told()), site.told() == ["AGENT_ESCALATION"])
    await site.logged("health_changed", new="healthy", after=moment(opened["timestamp"]))
    await site.logged("notification_sent", kind="resolved")
    yield Step("it recovers in its third life", f"life {len(site.lives('worker'))}", len(site.lives("worker")) == 3)  # noqa: PLR2004
    told = site.told()
    yield Step("the person is told that it is over", ", ".join(told), told == ["AGENT_ESCALATION", "AGENT_RESOLVED"])
