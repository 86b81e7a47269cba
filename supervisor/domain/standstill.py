"""An agent that lives and does not get on: somebody is told first, then it is a miss.

    well --its time is up--> nudged --a check interval more--> stuck
      ^                        |                                 |
      `---- what was missed is there again ---------------------'

While it is stuck misses are counted, and no heartbeat ends them. Times are seconds since the epoch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Standstill(ABC):
    """What is known of one way to stand still.

    Args:
        due: when it is judged next.
        nudged: somebody was told.
        stuck: misses are counted for it; a heartbeat ends none.
    """

    due: float | None = None
    nudged: bool = False
    stuck: bool = False

    @abstractmethod
    def words(self, now: float) -> str:
        """Say what does not move, in plain words."""

    def paused(self) -> Self:
        """Return it with its time to begin anew at the next heartbeat: nobody knows what happens meanwhile."""
        return replace(self, due=None, stuck=False)
