"""The agent of a drill: it plays an agent to a running supervisor, for a short while, and is nobody's business."""

from __future__ import annotations

import re
from dataclasses import dataclass

from supervisor.domain.policy import Policy

LONGEST = 600.0
"""Longest time (s) that a drill may be given."""

PROMISES = Policy(heartbeat_timeout=2.0, check_interval=2.0)
"""What such an agent promises: nothing restarts it, and its times are short."""

_NAME = re.compile(r"drill-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that runs: its agent's name, and until when it may (s since the epoch)."""

    agent: str
    until: float


def name(token: str) -> str:
    """Return the name of a drill's agent; `token` are eight hex digits that no drill had."""
    return f"drill-{token}"


def is_drill(agent: str) -> bool:
    """Whether an agent that nobody configured is a drill's: its files mean nothing once the drill is over."""
    return _NAME.fullmatch(agent) is not None
