"""Whether the files that an agent is to make appear: it may beat, and its work come to nothing.

The files are looked at by others, and only when that can change anything: at a heartbeat that ends a run while one of
them is missing, and when the newest that is known becomes too old. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from supervisor.domain.policy import Expectation
from supervisor.domain.standstill import Standstill
from supervisor.domain.times import moved, second
from supervisor.domain.words import span


@dataclass(frozen=True, slots=True)
class Outcome:
    """One path that is to be newer than `newer_than` (s). `newest`: when it was last written, None where it is not."""

    path: str
    newer_than: float
    newest: float | None = None


@dataclass(frozen=True, slots=True)
class Postcondition(Standstill):
    """What is known of the files that an agent is to make.

    Args:
        since: since when they are expected; what is not there has its time from then on.
        lost: seconds since the last of them was written in which the agent had no chance to.
        outcomes: one for each path that is expected.
    """

    since: float = 0.0
    lost: float = 0.0
    outcomes: tuple[Outcome, ...] = ()

    @property
    def to_be_seen(self) -> bool:
        """Whether a heartbeat that ends a run is a reason to look at the files."""
        return bool(self.outcomes) and (self.due is None or self.nudged)

    def unmet(self, now: float) -> tuple[Outcome, ...]:
        """Return what is too old, or not there though it had its time."""
        return tuple(one for one in self.outcomes if self.ends(one) <= now)

    def ends(self, one: Outcome) -> float:
        """Return when it is too old."""
        return (self.since if one.newest is None else one.newest) + one.newer_than + self.lost

    def words(self, now: float) -> str:
        """Say what is missing, in plain words."""
        return "; ".join(self._words(one) for one in self.unmet(now))

    def _words(self, one: Outcome) -> str:
        limit = f"promised within {span(one.newer_than)}"
        if one.newest is None:
            return f"{one.path} is not there, awaited since {second(self.since)}, {limit}"
        return f"{one.path} was last written {second(one.newest)}, {limit}"


NOTHING_EXPECTED = Postcondition()
"""Nothing to judge; one value for all agents of which that is true."""


def looked(known: Postcondition, newest: Mapping[str, float | None], now: float, interval: float) -> Postcondition:
    """Return what is known once the files were looked at; `interval` (s) lies between the nudge and the miss."""
    outcomes = tuple(_seen(one, newest.get(one.path, one.newest), now) for one in known.outcomes)
    after = replace(known, outcomes=outcomes, lost=known.lost if outcomes == known.outcomes else 0.0)
    if not after.unmet(now):
        due = min((after.ends(one) for one in outcomes), default=None)
        return replace(after, due=due, nudged=False, stuck=False)
    if after.stuck or (after.nudged and after.due is not None):
        return after
    return replace(after, due=now + interval if after.nudged else now)


def promised(known: Postcondition, expects: tuple[Expectation, ...], now: float) -> Postcondition:
    """Return it after the agent's promises were changed."""
    if not expects:
        return NOTHING_EXPECTED
    newest = {one.path: one.newest for one in known.outcomes}
    outcomes = tuple(Outcome(one.path, one.newer_than, newest.get(one.path)) for one in expects)
    if outcomes == known.outcomes:
        return known
    # Whatever is due, the next look tells.
    return replace(known, since=known.since or now, outcomes=outcomes, due=None if known.due is None else now)


def stopped(known: Postcondition) -> Postcondition:
    """Return it of an agent that has stopped as planned: nothing is missed of it."""
    return replace(known, due=None, nudged=False, stuck=False) if known.outcomes else known


def lost(known: Postcondition, seconds: float) -> Postcondition:
    """Return it after the agent had no chance to run for `seconds`."""
    if not known.outcomes:
        return known
    return replace(known, due=moved(known.due, seconds), lost=known.lost + seconds)


def shifted(known: Postcondition, seconds: float) -> Postcondition:
    """Return it after the clock was set by `seconds`. The files keep the times that they have."""
    if not known.outcomes:
        return known
    return replace(known, since=known.since + seconds, due=moved(known.due, seconds))


def _seen(one: Outcome, newest: float | None, now: float) -> Outcome:
    """Return it as it was seen; a file from the future is one of now."""
    newest = None if newest is None else min(newest, now)
    return one if newest == one.newest else replace(one, newest=newest)
