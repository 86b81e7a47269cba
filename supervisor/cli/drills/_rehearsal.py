"""Rehearses faults beside one another, each at a site of its own, and ends all that they have started."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from supervisor.cli.drills._drill import Drill
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import ImpossibleError, MissingError, Step

AT_ONCE = 4
"""Rehearsals at a time: they mostly wait."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One fault, what became of each expectation, and how long (s) it took."""

    drill: Drill
    steps: Sequence[Step]
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether nothing came otherwise than expected."""
        return all(step.agrees is not False for step in self.steps)

    @property
    def possible(self) -> bool:
        """Whether this machine allows it."""
        return all(step.agrees is not None for step in self.steps)


async def rehearse(drills: Sequence[Drill], folder: Path, ended: Callable[[Rehearsed], None]) -> list[Rehearsed]:
    """Rehearse each fault in a folder of its name below `folder`; `ended` is told of each.

    SIGTERM and SIGHUP cancel it: nothing is left running then either.
    """
    until_signalled()
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(drill: Drill) -> Rehearsed:
        async with turns:
            done = await _rehearse(drill, folder / drill.name)
        ended(done)
        return done

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(drill), name=f"drill:{drill.name}") for drill in drills]
    return [task.result() for task in tasks]


def until_signalled() -> None:
    """Cancel this task at SIGTERM and SIGHUP."""
    main = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if main is not None:
            asyncio.get_running_loop().add_signal_handler(number, main.cancel)


async def _rehearse(drill: Drill, folder: Path) -> Rehearsed:
    began = time.monotonic()
    site = Site(folder)
    try:
        steps = await steps_of(drill.rehearse(site))
    finally:
        left = await site.close()
    if left:
        steps.append(Step("nothing is left running", f"pid {', '.join(left)}", agrees=False))
    return Rehearsed(drill, steps, time.monotonic() - began)


async def steps_of(rehearsal: AsyncGenerator[Step, None]) -> list[Step]:
    """Return the steps as far as they came, with how long each took, and what ended them."""
    steps: list[Step] = []
    at = time.monotonic()

    def take(step: Step) -> None:
        nonlocal at
        before, at = at, time.monotonic()
        steps.append(replace(step, seconds=at - before))

    try:
        async with aclosing(rehearsal):
            async for step in rehearsal:
                take(step)  # what came before a fault is kept
    except (MissingError, ImpossibleError) as end:
        take(end.step)
    except Exception as error:  # noqa: BLE001 - one rehearsal's fault is not the others'
        take(Step("the rehearsal comes to its end", f"{type(error).__name__}: {error}", agrees=False))
    return steps
