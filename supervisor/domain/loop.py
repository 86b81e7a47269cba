"""Whether an agent does the same again and again: one work, or two to four by turns, for `loop_after` heartbeats.

A work is what a heartbeat says of it, `progress.note` and `message`. A heartbeat that says neither is not judged, one
in another phase than `working` ends the row. Any new work ends a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

from supervisor.domain.events import Beat, Phase
from supervisor.domain.standstill import Standstill
from supervisor.domain.times import moved

_LONGEST = 4
_BYTES = 6  # a number that JSON can hold
_JUDGED = frozenset({None, Phase.WORKING})


@dataclass(frozen=True, slots=True)
class Loop(Standstill):
    """What an agent did of late.

    Args:
        works: fingerprints of its works, oldest first, `loop_after` of them at most.
        period: how many of them make up the loop; 0 where there is none.
    """

    works: tuple[int, ...] = ()
    period: int = 0

    def words(self, now: float) -> str:  # noqa: ARG002 - what it has done tells enough
        """Say what is done again and again, in plain words."""
        what = "the same work" if self.period == 1 else f"the same {self.period} works by turns"
        return f"{what} in {len(self.works)} heartbeats in a row"

    def paused(self) -> Loop:
        """Return it with its row to begin anew; a loop that was told of is known by its works."""
        return replace(self, due=None, stuck=False, works=self.works[len(self.works) - self.period :])


NO_LOOP = Loop()
"""Nothing to judge; one value for all agents of which that is true."""


def told(known: Loop, beat: Beat, limit: int | None, *, new_life: bool) -> Loop:
    """Return what is known after `beat`. `limit` None: this agent is not judged."""
    if limit is None or beat.phase not in _JUDGED:
        return NO_LOOP
    if beat.progress_note is None and beat.message is None:
        return known
    work = _fingerprint(beat)
    if new_life:
        known = known.paused()
    if known.period and work != known.works[-known.period]:
        known = Loop(works=known.works)
    works = (*known.works, work)[-limit:]
    whole = len(works) == limit
    if not known.period:
        period = _period(works) if whole else 0
        return Loop(due=beat.at if period else None, works=works, period=period)
    rings = whole and known.due is None and not known.stuck
    return replace(known, works=works, due=beat.at if rings else known.due)


def promised(known: Loop, limit: int | None) -> Loop:
    """Return it after the agent's promises were changed."""
    if limit is None or known.period > limit // 2:
        return NO_LOOP
    return known if len(known.works) <= limit else replace(known, works=known.works[-limit:])


def shifted(known: Loop, seconds: float) -> Loop:
    """Return it after the clock was set by `seconds`, or after so much time was lost."""
    return known if known.due is None else replace(known, due=moved(known.due, seconds))


def _fingerprint(beat: Beat) -> int:
    text = repr((beat.progress_note, beat.message))
    return int.from_bytes(blake2b(text.encode(), digest_size=_BYTES).digest())


def _period(works: tuple[int, ...]) -> int:
    """Return the fewest works that follow one another again and again; 0 where none do."""
    longest = min(_LONGEST, len(works) // 2)
    return next((length for length in range(1, longest + 1) if works[length:] == works[:-length]), 0)
