"""One restart of an agent, from its beginning to its end, and whose voice a heartbeat beside it is.

The copy that is being ended may still speak: it flushes, it says `stop` or `fail`, its words are read late. Where
the agent sends an incarnation, that tells the lives apart; where it sends none, the time and the words must do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.domain.events import Beat, BeatKind, RestartFinished
from supervisor.domain.times import moved

_LAST_WORDS = frozenset({BeatKind.STOP, BeatKind.FAIL})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One restart, or the first start of an agent that we run: under way while `ended` is None.

    Args:
        number: tells it from every other attempt of the agent.
        nth: which restart it is, as people count; 0 for a first start.
        incarnation: what the agent called its life before it.
        beat: the newest heartbeat that came meanwhile, from a life that can be the new one.
        closed: the silence that it was for is over.
    """

    number: int
    started: float
    reason: str
    nth: int = 0
    ended: float | None = None
    ok: bool = False
    detail: str = ""
    exit_code: int | None = None
    stderr: tuple[str, ...] = ()
    incarnation: str | None = None
    beat: Beat | None = None
    closed: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"restart {self.nth}" if self.nth else "its start"

    @property
    def outcome(self) -> str:
        """How it ended, in plain words."""
        return f"{self.name} {'was done' if self.ok else f'failed ({self.detail})'}"


def is_old_life(attempt: Attempt, beat: Beat) -> bool:
    """Whether `beat` was sent by the copy that `attempt` ends: it says nothing of the new one."""
    in_its_time = attempt.ended is None or beat.at <= attempt.ended
    if beat.incarnation is not None:
        return in_its_time and beat.incarnation == attempt.incarnation
    return beat.at < attempt.started or (in_its_time and beat.kind in _LAST_WORDS)


def ended(attempt: Attempt, outcome: RestartFinished, now: float) -> Attempt:
    """Return the attempt ended at `now`."""
    return replace(
        attempt,
        ended=now,
        ok=outcome.ok,
        detail=outcome.detail,
        exit_code=outcome.exit_code,
        stderr=outcome.stderr,
        beat=None,
    )


def shifted(attempt: Attempt, seconds: float) -> Attempt:
    """Return the attempt after the clock was set by `seconds`."""
    return replace(
        attempt,
        started=attempt.started + seconds,
        ended=moved(attempt.ended, seconds),
        beat=None if attempt.beat is None else attempt.beat.shifted(seconds),
    )
