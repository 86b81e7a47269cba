"""A heartbeat is dated a year ahead.

No clock buys an agent a long life: its deadline is counted from when the heartbeat came.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

from supervisor.cli._times import moment
from supervisor.cli.drills._guest import Guest
from supervisor.cli.drills._step import Step, within

_YEAR = timedelta(days=365)
_A_WHILE = 60.0


async def visit(guest: Guest) -> AsyncGenerator[Step, None]:
    """Beat once, in a year."""
    at = time.time()
    line = {"timestamp": (datetime.fromtimestamp(at, UTC) + _YEAR).isoformat()}
    guest.lines.write_text(json.dumps(line) + "\n", "utf-8")
    skew = await guest.logged("clock_skew")
    ahead = timedelta(seconds=skew["ahead"])
    yield Step(
        "its clock is doubted",
        f"{ahead / _YEAR * 365:.0f} days ahead",
        abs(ahead - _YEAR) < timedelta(seconds=_A_WHILE),
    )
    missed = await guest.logged("heartbeat_missed")
    yield within("its deadline passes all the same", moment(missed["timestamp"]) - at - guest.timeout)
    agent = await guest.seen()
    yield Step("it is unhealthy", agent["status"], agent["status"] == "unhealthy")
