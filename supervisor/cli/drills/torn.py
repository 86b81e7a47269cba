"""Garbage and half a line in a heartbeat file.

What can be understood counts, what can not is named, and the neighbours do not notice.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from supervisor.cli._times import moment
from supervisor.cli.drills._guest import Guest
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count

_HALF = b'{"timestamp": "2026-'


async def visit(guest: Guest) -> AsyncGenerator[Step, None]:
    """Scribble into the agent's file."""
    file = guest.lines
    file.write_bytes(_line() + b"\x00\xff not a heartbeat\n" + _HALF)
    healthy = await guest.logged("health_changed")
    yield Step("the good line counts", healthy["new"], healthy["new"] == "healthy")
    garbage = await guest.logged("heartbeat_invalid")
    got = f"{garbage['file'].rpartition('/')[2]} line {garbage['line']}: {garbage['error']}"
    yield Step("the garbage is named by file and line", got, (garbage["file"], garbage["line"]) == (str(file), 2))
    torn = await guest.logged("heartbeat_invalid", after=moment(garbage["timestamp"]))
    yield Step("so is the half line, once it stays", torn["error"], torn["file"] == str(file))
    await guest.logged("heartbeat_missed")
    at = time.time()
    with file.open("ab") as log:
        log.write(b'01"\n' + _line())
    healthy = await guest.logged("health_changed", after=at, new="healthy")
    yield within("the next good line counts again", moment(healthy["timestamp"]) - at)


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Scribble into one agent's file while another one beats."""
    site.configure(f"""
[gate]
settle = "0s"
{site.promises("scribbler")}
[agents.neighbour]
heartbeat_timeout = "3s"
check_interval = "1m"
[agents.neighbour.restart]
{site.managed("neighbour")}
""")
    await site.start()
    await site.logged("health_changed", agent="neighbour", new="healthy")
    async for step in visit(site.guest("scribbler")):
        yield step
    misses = len(site.log("heartbeat_missed", agent="neighbour"))
    status = (await site.agent("neighbour"))["status"]
    yield Step(
        "its neighbour is healthy all the time",
        f"{status}, {count(misses, 'miss')}",
        (status, misses) == ("healthy", 0),
    )


def _line() -> bytes:
    return json.dumps({"timestamp": datetime.now(UTC).isoformat()}).encode() + b"\n"
