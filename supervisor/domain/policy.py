"""What one agent has promised, and how far we go when it breaks the promise. All times are seconds."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from supervisor.domain.schedule import Schedule


class OnExhausted(StrEnum):
    """What follows when the restart intensity is spent."""

    SLOW = "slow"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How often, and how soon after one another, an agent may be restarted.

    Args:
        max_restarts: restarts allowed in any `window` (s).
        backoff: least wait after a restart's end (s), doubled each time up to `backoff_max`.
        jitter: share of the wait, 0 to 1, by which it is moved at most.
        reset_after: healthy time (s) after which the backoff begins anew.
        slow_interval: wait between tries once the intensity is spent (s).
    """

    max_restarts: int = 3
    window: float = 6 * 3600.0
    backoff: float = 10.0
    backoff_max: float = 300.0
    jitter: float = 0.2
    reset_after: float = 7200.0
    on_exhausted: OnExhausted = OnExhausted.SLOW
    slow_interval: float = 1800.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """A file that an agent is to make: the newest that matches `path`, a glob, is no older than `newer_than` (s)."""

    path: str
    newer_than: float


@dataclass(frozen=True, slots=True)
class Policy:
    """One agent's deadlines and thresholds.

    Args:
        heartbeat_timeout: longest silence that is still in time (s); of no meaning where there is a schedule.
        schedule: when it runs, where it does not beat all the time.
        max_runtime: how long a run that a `start` begins may last (s), None for as long as the next heartbeat may take.
        check_interval: further silence between one miss and the next (s).
        start_period: time a restarted agent has for its first heartbeat (s).
        restart_after, escalate_after: misses in a row that bring the restart, the incident.
        busy_limit: how far `busy_until` may move the deadline (s).
        critical_limit: how long `phase: critical` may defer a restart (s).
        progress_timeout: how long work may wait without progress (s); None where that is not judged.
        loop_after: how many heartbeats in a row that tell of the same work are a loop; None where that is not judged.
        activity: files, as globs, that it writes at its work: while they are written a restart waits.
        activity_timeout: how long after one was written (s) it is taken to work.
        activity_limit: how long that may defer a restart (s).
        expects: the files that its work is to bring about.
        depends_on: the agents without which it can not work.
        flap_high, flap_low: share of changes, 0 to 1, over which flapping begins, at which it ends.
        max_cost_per_hour, max_tokens_per_hour: what it may use in any hour; None for no limit.
        restart: None where nothing can restart the agent.
    """

    heartbeat_timeout: float = 3600.0
    check_interval: float = 900.0
    start_period: float = 900.0
    restart_after: int = 1
    escalate_after: int = 2
    busy_limit: float = 1800.0
    critical_limit: float = 300.0
    progress_timeout: float | None = None
    depends_on: tuple[str, ...] = ()
    flap_high: float = 0.30
    flap_low: float = 0.25
    max_cost_per_hour: Decimal | None = None
    max_tokens_per_hour: float | None = None
    restart: RestartPolicy | None = None
    schedule: Schedule | None = None
    max_runtime: float | None = None
    expects: tuple[Expectation, ...] = ()
    loop_after: int | None = None
    activity: tuple[str, ...] = ()
    activity_timeout: float = 300.0
    activity_limit: float = 900.0


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the escalation chain: `delay` seconds after the round's start, tell `channel`."""

    channel: str
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Chain:
    """Who is told of an incident, and when.

    The steps are one round. After the last, the round begins again (`max_rounds` further times, as long
    after its last step as that step came after its start, 5 min at the least), then once every `repeat_interval`
    seconds.
    """

    steps: tuple[Step, ...] = ()
    max_rounds: int = 5
    repeat_interval: float = 4 * 3600.0
    ack_timeout: float = 1800.0


def spread(seed: str, share: float) -> float:
    """Return a factor in 1 ± `share`, always the same for the same `seed`: jitter that a test can foretell."""
    unit = zlib.crc32(seed.encode()) / 0xFFFFFFFF
    return 1.0 + share * (2.0 * unit - 1.0)
