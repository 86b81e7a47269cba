"""The configuration is overwritten with a wrong one.

The daemon refuses it, says why, and goes on with the old one until there is a right one.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within

_OLD = 60.0
_NEW = 90.0


def _config(key: str, seconds: float) -> str:
    return f"""
[gate]
settle = "0s"
[agents.worker]
{key} = "{seconds}s"
"""


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Misspell a key, then spell it right."""
    site.configure(_config("heartbeat_timeout", _OLD))
    heart = site.heart("worker")
    heart.start()
    await site.start()
    at = time.time()
    site.configure(_config("heartbeat_timeot", _NEW))
    rejected = await site.logged("config_rejected")
    yield within("it is refused", moment(rejected["timestamp"]) - at, 1.0)
    error = rejected["error"].removeprefix(f"{site.folder}/")
    named = "config.toml" in error and "heartbeat_timeot" in error
    yield Step("the log names file and key", error, named)
    known = (await site.agent("worker"))["heartbeat_timeout"]
    yield Step(f"the old one stays: {_OLD:g} s", f"{known:g} s", known == _OLD)
    at = time.time()
    heart.ok()
    beat = await site.logged("heartbeat_received", after=at)
    yield within("heartbeats count", moment(beat["timestamp"]) - at)
    site.configure(_config("heartbeat_timeout", _NEW))
    reloaded = await site.logged("config_reloaded")
    known = (await site.agent("worker"))["heartbeat_timeout"]
    agrees = known == _NEW and reloaded["changed"] == ["worker"]
    yield Step(f"a right one is loaded: {_NEW:g} s", f"{known:g} s", agrees)
