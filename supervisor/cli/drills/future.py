"""A heartbeat dated a year ahead.

No clock buys an agent a long life: the time of its receipt counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within

_TIMEOUT = 2.0
_YEAR = timedelta(days=365)
_A_WHILE = 60.0


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Beat once, in a year."""
    site.configure(f"""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "{_TIMEOUT}s"
check_interval = "1m"
""")
    await site.start()
    at = time.time()
    line = {"timestamp": (datetime.fromtimestamp(at, UTC) + _YEAR).isoformat()}
    (site.beats / "worker.log").write_text(json.dumps(line) + "\n", "utf-8")
    skew = await site.logged("clock_skew")
    ahead = timedelta(seconds=skew["ahead"])
    yield Step(
        "its clock is doubted",
        f"{ahead / _YEAR * 365:.0f} days ahead",
        abs(ahead - _YEAR) < timedelta(seconds=_A_WHILE),
    )
    missed = await site.logged("heartbeat_missed")
    yield within("its deadline passes all the same", moment(missed["timestamp"]) - at - _TIMEOUT)
    agent = await site.agent("worker")
    yield Step("it is unhealthy", agent["status"], agent["status"] == "unhealthy")
