"""Whether an agent that beats gets on with its work: a nudge first, then a miss.

    moving --flat for `progress_timeout`--> nudged --a check interval more--> stuck
      ^                                        |                                |
      `------------ progress.seq moves, or no work waits any more --------------'

An agent that tells neither `progress.seq` nor `pending` is not judged. Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.domain.events import Beat
from supervisor.domain.times import moved
from supervisor.domain.words import span


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of an agent's work.

    Args:
        seq, pending: what the last heartbeat told; None and 0 where no work waits.
        since: since when `seq` stays as it is while work waits and heartbeats arrive.
        due: when that is judged next.
        nudged: somebody was told.
        stuck: misses are counted for it; a heartbeat without progress ends no miss.
    """

    seq: int | None = None
    pending: int = 0
    since: float | None = None
    due: float | None = None
    nudged: bool = False
    stuck: bool = False

    def stall(self, now: float) -> str:
        """Say how long nothing has moved, in plain words."""
        return f"no progress for {span(now - (now if self.since is None else self.since))}, {self.pending} pending"


IDLE = Progress()
"""Nothing to judge; one value for all agents of which that is true."""


def told(known: Progress, beat: Beat, timeout: float | None, *, new_life: bool) -> Progress:
    """Return what is known after `beat`. `timeout` None: this agent's work is not judged."""
    seq = beat.progress_seq
    if timeout is None or seq is None or not beat.pending:
        return IDLE
    if seq != known.seq:
        return Progress(seq, beat.pending, beat.at, beat.at + timeout)
    if new_life or known.since is None:
        return replace(known, pending=beat.pending, since=beat.at, due=beat.at + timeout, stuck=False)
    return known if known.pending == beat.pending else replace(known, pending=beat.pending)


def paused(known: Progress) -> Progress:
    """Return it with its time to begin anew at the next heartbeat: nobody knows what happens meanwhile."""
    return replace(known, since=None, due=None, stuck=False)


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
