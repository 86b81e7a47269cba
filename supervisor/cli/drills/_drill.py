"""Which faults can be rehearsed."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step

Rehearse = Callable[[Site], AsyncGenerator[Step, None]]


@dataclass(frozen=True, slots=True)
class Drill:
    """One fault: its name, what is done, and the doing of it."""

    name: str
    about: str
    rehearse: Rehearse


def every() -> dict[str, Drill]:
    """Return all faults by name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    return {name: _load(name) for name in names}


def _load(name: str) -> Drill:
    module = importlib.import_module(f"{__package__}.{name}")
    return Drill(name, (module.__doc__ or "").partition("\n")[0].rstrip("."), module.rehearse)
