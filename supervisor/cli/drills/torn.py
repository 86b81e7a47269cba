"""Garbage and half a line in a heartbeat file.

What can be understood counts, what can not is named, and the neighbours do not notice.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count

_TIMEOUT = 6.0  # longer than a last line may stay unfinished
_HALF = b'{"timestamp": "2026-'


def _line() -> bytes:
    return json.dumps({"timestamp": datetime.now(UTC).isoformat()}).encode() + b"\n"


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Scribble into one agent's file while another one beats."""
    site.configure(f"""
[gate]
settle = "0s"
[agents.scribbler]
heartbeat_timeout = "{_TIMEOUT}s"
check_interval = "1m"
[agents.neighbour]
heartbeat_timeout = "3s"
check_interval = "1m"
[agents.neighbour.restart]
{site.managed("neighbour")}
""")
    await site.start()
    await site.logged("health_changed", agent="neighbour", new="healthy")
    file = site.beats / "scribbler.log"
    file.write_bytes(_line() + b"\x00\xff not a heartbeat\n" + _HALF)
    healthy = await site.logged("health_changed", agent="scribbler")
    yield Step("the good line counts", healthy["new"], healthy["new"] == "healthy")
    garbage = await site.logged("heartbeat_invalid", agent="scribbler")
    got = f"{garbage['file'].rpartition('/')[2]} line {garbage['line']}: {garbage['error']}"
    yield Step("the garbage is named by file and line", got, (garbage["file"], garbage["line"]) == (str(file), 2))
    torn = await site.logged("heartbeat_invalid", after=moment(garbage["timestamp"]), agent="scribbler")
    yield Step("so is the half line, once it stays", torn["error"], torn["file"] == str(file))
    await site.logged("heartbeat_missed", agent="scribbler")
    at = time.time()
    with file.open("ab") as log:
        log.write(b'01"\n' + _line())
    healthy = await site.logged("health_changed", after=at, agent="scribbler", new="healthy")
    yield within("the next good line counts again", moment(healthy["timestamp"]) - at)
    misses = len(site.log("heartbeat_missed", agent="neighbour"))
    status = (await site.agent("neighbour"))["status"]
    yield Step(
        "its neighbour is healthy all the time",
        f"{status}, {count(misses, 'miss')}",
        (status, misses) == ("healthy", 0),
    )
