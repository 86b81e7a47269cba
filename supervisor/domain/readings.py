"""Everything that monitoring reads off the supervisor at one moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from supervisor.domain.counters import Counts
from supervisor.domain.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Readings:
    """The picture of the fleet, and what has been counted.

    Args:
        adopted: the agents that nobody configured.
        channels: every channel by name, also those that were never used.
        emails_sent, payments_detected: what the agents' logs tell of, since the process began.
        loop_lag: how late (s) the event loop was when it was last looked at.
    """

    fleet: Fleet
    counts: Counts
    adopted: Collection[str]
    channels: Collection[str]
    emails_sent: int
    payments_detected: int
    loop_lag: float
