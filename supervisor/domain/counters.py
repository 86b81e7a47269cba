"""What has come about since the process began, counted from the log records as they pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from supervisor.domain.records import (
    AgentForgotten,
    ConfigReloaded,
    HeartbeatMissed,
    NotificationFailed,
    NotificationSent,
    Record,
    RestartFinished,
    Resync,
)


class Restarted(StrEnum):
    """How a restart has ended; only a fresh heartbeat proves the agent."""

    DONE = "done"
    FAILED = "failed"


class Notified(StrEnum):
    """What came of one try to send a notification."""

    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Counts:
    """How often. What is not in a mapping has not come about.

    Args:
        misses: by agent.
        restarts: by agent and result.
        notifications: by channel and result, each try.
        resyncs: full readings of every file.
    """

    misses: Mapping[str, int] = field(default_factory=dict)
    restarts: Mapping[tuple[str, Restarted], int] = field(default_factory=dict)
    notifications: Mapping[tuple[str, Notified], int] = field(default_factory=dict)
    resyncs: int = 0


class Counters:
    """Counts records. They begin at 0 with each process, as Prometheus expects of a counter."""

    def __init__(self) -> None:
        self._misses: Counter[str] = Counter()
        self._restarts: Counter[tuple[str, Restarted]] = Counter()
        self._notifications: Counter[tuple[str, Notified]] = Counter()
        self._resyncs = 0

    def see(self, record: Record) -> None:
        """Count `record`, where it is one of those that are counted."""
        match record:
            case HeartbeatMissed(agent=agent):
                self._misses[agent] += 1
            case RestartFinished(agent=agent, ok=ok):
                self._restarts[agent, Restarted.DONE if ok else Restarted.FAILED] += 1
            case NotificationSent(channel=channel):
                self._notifications[channel, Notified.SENT] += 1
            case NotificationFailed(channel=channel, retry_at=retry_at):
                self._notifications[channel, Notified.FAILED if retry_at is None else Notified.RETRY] += 1
            case Resync():
                self._resyncs += 1
            case AgentForgotten(agent=agent):
                self._forget(agent)
            case ConfigReloaded(removed=removed):
                for agent in removed:
                    self._forget(agent)
            case _:
                pass

    def now(self) -> Counts:
        """Return the counts of this moment."""
        return Counts(dict(self._misses), dict(self._restarts), dict(self._notifications), self._resyncs)

    def _forget(self, agent: str) -> None:
        """Drop what was counted of an agent that is watched no more: names may come and go for ever."""
        self._misses.pop(agent, None)
        for result in Restarted:
            self._restarts.pop((agent, result), None)
