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
    """One path that is to be newer than `newer_than` (s).

    Args:
        newest: when it was last written, None where it is not.
        lost: seconds since then in which the agent had no chance to write it.
        anew: from when on it has its time again, by a restart that is to bring it about; None where there was none.
    """

    path: str
    newer_than: float
    newest: float | None = None
    lost: float = 0.0
    anew: float | None = None


@dataclass(frozen=True, slots=True)
class Postcondition(Standstill):
    """What is known of the files that an agent is to make.

    Args:
        since: since when they are expected; what is not there has its time from then on.
        outcomes: one for each path that is expected.
        idle_since: since when nothing is expected, for the agent is paused or has stopped; None while it is to work.
    """

    since: float = 0.0
    outcomes: tuple[Outcome, ...] = ()
    idle_since: float | None = None

    @property
    def to_be_seen(self) -> bool:
        """Whether a heartbeat that ends a run is a reason to look at the files."""
        return bool(self.outcomes) and (self.due is None or self.nudged)

    def unmet(self, now: float) -> tuple[Outcome, ...]:
        """Return what is too old, or not there though it had its time."""
        return tuple(one for one in self.outcomes if self.ends(one) <= now)

    def ends(self, one: Outcome) -> float:
        """Return when it is missed."""
        again = 0.0 if one.anew is None else one.anew + one.newer_than
        return max(self.fresh_until(one), again)

    def fresh_until(self, one: Outcome) -> float:
        """Return when it is too old."""
        return (self.since if one.newest is None else one.newest) + one.newer_than + one.lost

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
    after = known if outcomes == known.outcomes else replace(known, outcomes=outcomes)
    if known.idle_since is not None:
        return after
    if not after.unmet(now):
        due = min((after.ends(one) for one in outcomes), default=None)
        awaited = any(after.fresh_until(one) <= now for one in outcomes)
        return replace(after, due=due, nudged=known.nudged and awaited, stuck=False)
    if after.stuck or (after.nudged and after.due is not None):
        return after
    return replace(after, due=now + interval if after.nudged else now)


def promised(known: Postcondition, expects: tuple[Expectation, ...], now: float) -> Postcondition:
    """Return it after the agent's promises were changed."""
    if not expects:
        return NOTHING_EXPECTED
    kept = {one.path: one for one in known.outcomes}
    outcomes = tuple(replace(kept.get(one.path, Outcome(one.path, 0.0)), newer_than=one.newer_than) for one in expects)
    if outcomes == known.outcomes:
        return known
    # Whatever is due, the next look tells.
    return replace(known, since=known.since or now, outcomes=outcomes, due=None if known.due is None else now)


def stopped(known: Postcondition, at: float) -> Postcondition:
    """Return it of an agent that was paused or has stopped as planned `at`: nothing is missed of it."""
    if not known.outcomes:
        return known
    idle_since = at if known.idle_since is None else known.idle_since
    return replace(known, due=None, nudged=False, stuck=False, idle_since=idle_since)


def resumed(known: Postcondition, now: float, start_period: float) -> Postcondition:
    """Return it of an agent that is to work again: the time that it was not to is given back.

    What was almost or already too old has `start_period` (s) at the least.
    """
    if known.idle_since is None:
        return known
    after = _credited(replace(known, idle_since=None), max(0.0, now - known.idle_since))
    outcomes = tuple(
        replace(one, lost=one.lost + max(0.0, now + start_period - after.fresh_until(one))) for one in after.outcomes
    )
    return replace(after, outcomes=outcomes)


def restarted(known: Postcondition, now: float) -> Postcondition:
    """Return it after a good restart: what people were told of has its time again, and is not told of again.

    A restart for another reason gives no time: else who is restarted often would never be asked for its files.
    """
    if not known.nudged:
        return known
    unmet = known.unmet(now)
    outcomes = tuple(replace(one, anew=now) if one in unmet else one for one in known.outcomes)
    return replace(known, due=None, stuck=False, outcomes=outcomes)


def lost(known: Postcondition, seconds: float) -> Postcondition:
    """Return it after the agent had no chance to run for `seconds`."""
    if not known.outcomes or known.idle_since is not None:
        return known
    return replace(_credited(known, seconds), due=moved(known.due, seconds))


def shifted(known: Postcondition, seconds: float) -> Postcondition:
    """Return it after the clock was set by `seconds`. The files keep the times that they have, and age by it."""
    if not known.outcomes:
        return known
    outcomes = tuple(
        replace(one, lost=one.lost + (0.0 if one.newest is None else seconds), anew=moved(one.anew, seconds))
        for one in known.outcomes
    )
    return replace(
        known,
        since=known.since + seconds,
        due=moved(known.due, seconds),
        outcomes=outcomes,
        idle_since=moved(known.idle_since, seconds),
    )


def _credited(known: Postcondition, seconds: float) -> Postcondition:
    return replace(known, outcomes=tuple(replace(one, lost=one.lost + seconds) for one in known.outcomes))


def _seen(one: Outcome, newest: float | None, now: float) -> Outcome:
    """Return it as it was seen; a file from the future is one of now."""
    newest = None if newest is None else min(newest, now)
    return one if newest == one.newest else Outcome(one.path, one.newer_than, newest)
