"""The agent of a drill: it plays an agent to a running supervisor, for a short while, and is nobody's business."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.domain.policy import Policy

LONGEST = 600.0
"""Longest time (s) that a drill may be given."""

FACT = "drill"
"""The fact of the journal that names the agent of the drill under way, "" where there is none."""

PROMISES = Policy(heartbeat_timeout=2.0, check_interval=2.0)
"""What such an agent promises: nothing restarts it, and its times are short."""


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that runs: its agent's name, and until when it may (s since the epoch)."""

    agent: str
    until: float


def name(token: str) -> str:
    """Return the name of a drill's agent; `token` are eight hex digits that no drill had."""
    return f"drill-{token}"
