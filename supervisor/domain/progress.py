"""Whether the work of an agent that beats moves: it stands still where `progress.seq` is flat for `progress_timeout`.

It moves again with `progress.seq`, or once no work waits any more. A heartbeat that tells neither `progress.seq` nor
`pending` changes nothing. An agent that never tells both is not judged. Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.domain.events import Beat
from supervisor.domain.standstill import Standstill
from supervisor.domain.times import moved, second


@dataclass(frozen=True, slots=True)
class Progress(Standstill):
    """What is known of an agent's work.

    Args:
        seq, pending: what the last heartbeat told; None and 0 where no work waits.
        since: since when `seq` stays as it is while work waits and heartbeats arrive.
    """

    seq: int | None = None
    pending: int = 0
    since: float | None = None

    def words(self, now: float) -> str:
        """Say since when nothing has moved, in plain words."""
        return f"no progress since {second(now if self.since is None else self.since)}, {self.pending} pending"

    def paused(self) -> Progress:
        """Return it with its time to begin anew at the next heartbeat."""
        return replace(self, since=None, due=None, stuck=False)


IDLE = Progress()
"""Nothing to judge; one value for all agents of which that is true."""


def told(known: Progress, beat: Beat, timeout: float | None, *, new_life: bool, run_over: bool = False) -> Progress:
    """Return what is known after `beat`. `timeout` None: this agent's work is not judged.

    `run_over`: `beat` ends a run; no work waits then, unless it says so.
    """
    silent = beat.progress_seq is None and beat.pending is None
    if timeout is None or (silent and run_over):
        return IDLE
    if silent:
        return known.paused() if new_life else known
    seq = known.seq if beat.progress_seq is None else beat.progress_seq
    pending = known.pending if beat.pending is None else beat.pending
    if seq is None or not pending:
        return IDLE
    if seq != known.seq:
        return Progress(beat.at + timeout, seq=seq, pending=pending, since=beat.at)
    if new_life or known.since is None:
        return replace(known, pending=pending, since=beat.at, due=beat.at + timeout, stuck=False)
    return known if known.pending == pending else replace(known, pending=pending)


def promised(known: Progress, timeout: float | None) -> Progress:
    """Return it after the agent's promises were changed."""
    if timeout is None:
        return IDLE
    if known.since is None or known.nudged:
        return known
    return replace(known, due=known.since + timeout)


def shifted(known: Progress, seconds: float) -> Progress:
    """Return it after the clock was set by `seconds`, or after so much time was lost."""
    if known.since is None:
        return known
    return replace(known, since=known.since + seconds, due=moved(known.due, seconds))
