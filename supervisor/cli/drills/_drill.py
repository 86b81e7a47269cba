"""Which faults can be rehearsed, and where."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from supervisor.cli.drills._guest import Guest
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step

Rehearse = Callable[[Site], AsyncGenerator[Step, None]]
Visit = Callable[[Guest], AsyncGenerator[Step, None]]


@dataclass(frozen=True, slots=True)
class Drill:
    """One fault: its name, what is done, and the doing of it.

    Args:
        rehearse: does it at a throwaway installation.
        visit: does it to one agent of any installation; None where that would touch more than the agent.
    """

    name: str
    about: str
    rehearse: Rehearse
    visit: Visit | None = None


def every() -> dict[str, Drill]:
    """Return all faults by name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    return {name: _load(name) for name in names}


def _load(name: str) -> Drill:
    module = importlib.import_module(f"{__package__}.{name}")
    visit: Visit | None = getattr(module, "visit", None)
    rehearse: Rehearse = module.rehearse if visit is None else getattr(module, "rehearse", _alone(visit))
    return Drill(name, (module.__doc__ or "").partition("\n")[0].rstrip("."), rehearse, visit)


def _alone(visit: Visit) -> Rehearse:
    """Return the same at a throwaway installation that watches nobody else."""

    async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
        site.configure(f'[gate]\nsettle = "0s"\n{site.promises("worker")}')
        await site.start()
        async with aclosing(visit(site.guest("worker"))) as steps:
            async for step in steps:
                yield step

    return rehearse
