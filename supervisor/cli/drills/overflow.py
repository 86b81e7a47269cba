"""50,000 heartbeats while the daemon is stopped (SIGSTOP).

The kernel keeps far fewer events than that and throws the others away without a word; and every deadline has
passed when the daemon wakes up. It must not believe what it seems to see before it has read every file again.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count

_AGENTS = [f"worker-{number:02}" for number in range(50)]
_ROUNDS = 1000
_TIMEOUT = 4.0
_STOPPED = 5.0
_SOON = 3.0
_SAME = 0.1  # a beat is no younger than its file, whose time the kernel rounds down


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Stop the daemon for longer than any agent may be silent, and beat all that time."""
    agents = "".join(f"[agents.{name}]\n[agents.{name}.restart]\n{site.counted()}\n" for name in _AGENTS)
    site.configure(f"""
[gate]
settle = "500ms"
stall = "1s"
[defaults]
heartbeat_timeout = "{_TIMEOUT}s"
check_interval = "1m"
{agents}
""")
    await site.start()
    _beat(site.beats, 1)
    await site.wait(lambda: len(site.log("health_changed", new="healthy")) == len(_AGENTS), "every agent is healthy")
    site.send(signal.SIGSTOP)
    until = time.monotonic() + _STOPPED
    await asyncio.to_thread(_beat, site.beats, _ROUNDS - 1)
    await asyncio.sleep(until - time.monotonic())
    last = await asyncio.to_thread(_beat, site.beats, 1)
    at = time.time()
    site.send(signal.SIGCONT)
    closed = await site.logged("gate_closed", after=at)
    yield Step("it doubts itself, and closes the gate", closed["reason"], closed["reason"] == "loop_stalled")
    current, seconds = await _current(site, last, at)
    yield Step("nothing is stale", f"{current} of {len(last)} are current, {seconds:.2f} s after", current == len(last))
    opened = await site.logged("gate_opened", after=moment(closed["timestamp"]))
    yield within("the gate opens again", moment(opened["timestamp"]) - at, _SOON)
    misses, restarts = len(site.log("heartbeat_missed")), site.restarts()
    yield Step(
        "no miss, no restart", f"{count(misses, 'miss')}, {count(restarts, 'restart')}", (misses, restarts) == (0, 0)
    )


def _beat(folder: Path, rounds: int) -> dict[str, str]:
    """Let the agents beat in turns, `rounds` times, a write each; return the last heartbeat of each."""
    last: dict[str, str] = {}
    files = {name: (folder / f"{name}.log").open("ab", buffering=0) for name in _AGENTS}
    try:
        for _ in range(rounds):
            for name, file in files.items():
                last[name] = datetime.now(UTC).isoformat()
                file.write(json.dumps({"timestamp": last[name]}).encode() + b"\n")
    finally:
        for file in files.values():
            file.close()
    return last


async def _current(site: Site, last: dict[str, str], at: float) -> tuple[int, float]:
    """Return of how many agents the last heartbeat is known, and how long (s) after `at` that was so."""
    while True:
        known = {agent["name"]: agent["last_heartbeat"] for agent in (await site.fleet())["agents"]}
        current = sum(abs(moment(known[name] or 0) - moment(beat)) < _SAME for name, beat in last.items())
        if current == len(last) or time.time() > at + _SOON:
            return current, time.time() - at
        await asyncio.sleep(0.05)
