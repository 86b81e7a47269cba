"""Whether the work of an agent that beats moves: it stands still where `progress.seq` is flat for `progress_timeout`.

It moves again with `progress.seq`, or once no work waits any more. An agent that tells neither `progress.seq` nor
`pending` is not judged. Times are seconds since the epoch.
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


def told(known: Progress, beat: Beat, timeout: float | None, *, new_life: bool) -> Progress:
    """Return what is known after `beat`. `timeout` None: this agent's work is not judged."""
    seq = beat.progress_seq
    if timeout is None or seq is None or not beat.pending:
        return IDLE
    if seq != known.seq:
        return Progress(beat.at + timeout, seq=seq, pending=beat.pending, since=beat.at)
    if new_life or known.since is None:
        return replace(known, pending=beat.pending, since=beat.at, due=beat.at + timeout, stuck=False)
    return known if known.pending == beat.pending else replace(known, pending=beat.pending)


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
