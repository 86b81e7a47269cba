"""Restart intensity and backoff: for agents and for the supervisor's own services alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.domain.policy import OnExhausted, RestartPolicy, spread
from supervisor.domain.times import moved


@dataclass(frozen=True, slots=True)
class History:
    """What the law needs to know of past restarts.

    Args:
        started: when each restart inside the window was started (s since the epoch), oldest first.
        in_a_row: restarts since the backoff last began anew.
        ended: when the last one ended, None where none did.
        total: attempts ever; the number of the last one.
        starts: those of them that were first starts, and no restarts.
    """

    started: tuple[float, ...] = ()
    in_a_row: int = 0
    ended: float | None = None
    total: int = 0
    starts: int = 0


@dataclass(frozen=True, slots=True)
class Now:
    """A restart may start."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not before `at`: the backoff has not passed."""

    at: float


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The intensity is spent; the next slow try is at `at`, or never by itself where None."""

    at: float | None


Verdict = Now | Later | Exhausted


def judge(history: History, now: float, policy: RestartPolicy, seed: str) -> Verdict:
    """Say whether a restart may start at `now`. `seed` fixes the jitter."""
    recent = _inside(history, now, policy)
    if len(recent) >= policy.max_restarts:
        if policy.on_exhausted is OnExhausted.HOLD:
            return Exhausted(None)
        at = recent[-1] + policy.slow_interval
        return Now() if now >= at else Exhausted(at)
    if history.ended is None or history.in_a_row == 0:
        return Now()
    wait = min(policy.backoff * 2.0 ** min(history.in_a_row - 1, 30), policy.backoff_max)
    at = history.ended + wait * spread(f"{seed}:{history.total}", policy.jitter)
    return Now() if now >= at else Later(at)


def started(history: History, now: float, policy: RestartPolicy) -> History:
    """Return the history with a restart that starts at `now`."""
    return replace(
        history,
        started=(*_inside(history, now, policy), now),
        in_a_row=history.in_a_row + 1,
        total=history.total + 1,
    )


def uncounted(history: History) -> History:
    """Return the history with a restart that a person asked for: neither backoff nor intensity count it."""
    return replace(history, total=history.total + 1)


def begun(history: History) -> History:
    """Return the history with a first start: it takes a number, and is no restart."""
    return replace(history, total=history.total + 1, starts=history.starts + 1)


def ended(history: History, now: float) -> History:
    """Return the history with its running restart ended at `now`."""
    return replace(history, ended=now)


def calmed(history: History) -> History:
    """Return the history after a long healthy time: the backoff begins anew, the intensity stays."""
    return replace(history, in_a_row=0)


def joined(earlier: History, later: History) -> History:
    """Return the history of two lives of the supervisor, where the later one began without the earlier one's."""
    return History(
        started=(*earlier.started, *later.started),
        in_a_row=earlier.in_a_row + later.in_a_row,
        ended=earlier.ended if later.ended is None else later.ended,
        total=earlier.total + later.total,
        starts=earlier.starts + later.starts,
    )


def shifted(history: History, seconds: float) -> History:
    """Return the history after the clock was set by `seconds`."""
    return replace(
        history,
        started=tuple(at + seconds for at in history.started),
        ended=moved(history.ended, seconds),
    )


def _inside(history: History, now: float, policy: RestartPolicy) -> tuple[float, ...]:
    return tuple(at for at in history.started if at > now - policy.window)
