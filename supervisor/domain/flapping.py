"""Whether an agent is well and ill by turns, as Icinga tells it.

Of the last 20 judgements each one that changed what the one before it had found weighs 0.8 (the oldest) to 1.18 (the
newest). An agent flaps from over `flap_high` of 20 on, until it is `flap_low` or less. A heartbeat in time and a miss
are judgements; what changes nothing is one only once in a check interval, so that a lively agent is not calm at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.domain.policy import Policy

LOOKS = 20
"""Judgements that are remembered."""

_OLDEST, _STEP, _WHOLE = 80, 2, 100  # in hundredths: a share that is just the limit is that, and no hair more
_MASK = (1 << LOOKS) - 1


@dataclass(frozen=True, slots=True)
class Flapping:
    """The last judgements of one agent.

    Args:
        changes: a bit for each, the newest lowest: set where it changed what was found before.
        well: what the last one found.
        at: when that was (s since the epoch); 0 where there is nothing to forget.
        on: the agent flaps.
    """

    changes: int = 0
    well: bool = True
    at: float = 0.0
    on: bool = False

    @property
    def share(self) -> float:
        """How much it changes, 0 to 1, the newer the more."""
        weights = (_OLDEST + _STEP * (LOOKS - 1 - age) for age in range(LOOKS) if self.changes >> age & 1)
        return sum(weights) / (_WHOLE * LOOKS)

    @property
    def words(self) -> str:
        """How much it changes, in plain words."""
        return f"well and ill by turns: {round(100 * self.share)} % of the last {LOOKS} judgements; restarts are held"


STEADY = Flapping()
"""Always well; one value for all agents of which that is true."""


def judged(known: Flapping, now: float, policy: Policy, *, well: bool) -> Flapping:
    """Return it after one more judgement at `now`."""
    changed = well is not known.well
    if not changed and (not known.changes or now < known.at + policy.check_interval):
        return known
    changes = (known.changes << 1 | changed) & _MASK
    share = Flapping(changes).share
    return Flapping(changes, well, now, share > (policy.flap_low if known.on else policy.flap_high))


def shifted(known: Flapping, seconds: float) -> Flapping:
    """Return it after the clock was set by `seconds`."""
    return Flapping(known.changes, known.well, known.at + seconds, known.on) if known.at else known
