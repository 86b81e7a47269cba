"""Rehearses faults against a running daemon, one after another, each with an agent that is there for it alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

from supervisor.cli._client import Daemon
from supervisor.cli._errors import NoDaemonError, ProblemError
from supervisor.cli.drills._drill import Drill, Visit
from supervisor.cli.drills._guest import Guest
from supervisor.cli.drills._rehearsal import Rehearsed, steps_of, until_signalled
from supervisor.cli.drills._step import Step
from supervisor.formats.heartbeat import SUFFIXES

_LEASE = 120.0
"""After so long (s) the daemon forgets the agent by itself: we may be killed."""


async def visit(
    drills: Sequence[Drill], daemon: Daemon, folder: Path, ended: Callable[[Rehearsed], None]
) -> list[Rehearsed]:
    """Rehearse those faults that can be at `daemon`, which looks for heartbeats in `folder`; `ended` is told of each.

    SIGTERM and SIGHUP cancel it: nothing is left then either. Raises NoDaemonError and ProblemError where a drill can
    not begin.
    """
    until_signalled()
    done: list[Rehearsed] = []
    for drill in drills:
        if drill.visit is not None:
            began = time.monotonic()
            async with _guest(daemon, folder) as guest:
                steps = await steps_of(_visited(drill.visit, guest))
            done.append(Rehearsed(drill, steps, time.monotonic() - began))
            ended(done[-1])
    return done


async def _visited(rehearse: Visit, guest: Guest) -> AsyncGenerator[Step, None]:
    """Yield the steps of the visit, and at its end that nobody was called."""
    async with aclosing(rehearse(guest)) as steps:
        async for step in steps:
            yield step
    opened = await guest.records("incident_opened")
    yield Step("nobody is called", f"{len(opened)} incidents" if opened else "no incident", not opened)


@asynccontextmanager
async def _guest(daemon: Daemon, folder: Path) -> AsyncIterator[Guest]:
    """Have the daemon watch one agent more; afterwards nothing is left of it."""
    asking = asyncio.create_task(
        asyncio.to_thread(daemon.ask, "POST", "drills", body={"seconds": _LEASE}), name="drill:begin"
    )
    try:
        begun = await asyncio.shield(asking)
        yield Guest(daemon, folder, begun["agent"], begun["heartbeat_timeout"], begun["check_interval"])
    finally:
        name = (await asking)["agent"]  # where we are told to stop meanwhile, it is there all the same
        # In this order: a daemon that knows the agent no more must find nothing of it.
        for suffix in SUFFIXES:
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
        with suppress(NoDaemonError, ProblemError):  # its time is over, or the daemon's
            await asyncio.to_thread(daemon.ask, "DELETE", "drills", name)
