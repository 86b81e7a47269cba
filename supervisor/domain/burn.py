"""What an agent has used in the last hour, from the totals that its heartbeats tell.

`usage` counts from the begin of the agent's life. What is spent is the difference between two heartbeats, to the
minute; of a new life it is the whole total; of the first heartbeat ever seen it is nothing, for nobody knows when that
was spent. Money is Decimal. Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from supervisor.domain.events import Beat
from supervisor.domain.policy import Policy
from supervisor.domain.times import moved

HOUR = 3600.0
_MINUTE = 60.0
_NOTHING = Decimal(0)
_LEAST = Decimal("0.000001")

N = TypeVar("N", float, Decimal)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used in the minute that began at `at`."""

    at: float
    tokens: float
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Burn:
    """What is known of an agent's usage.

    Args:
        at: when the last heartbeat that told of usage was sent; None where none was.
        tokens, cost: the totals of its life that it told.
        spent: what was used in the last hour, oldest first.
        over: more than the agent may use.
        due: when the oldest of it is an hour old, while it is over.
    """

    at: float | None = None
    tokens: float = 0.0
    cost: Decimal = _NOTHING
    spent: tuple[Spent, ...] = ()
    over: bool = False
    due: float | None = None

    @property
    def hourly_tokens(self) -> float:
        """Tokens used in the last hour."""
        return sum(one.tokens for one in self.spent)

    @property
    def hourly_cost(self) -> Decimal:
        """Money used in the last hour, in the agent's own currency."""
        return sum((one.cost for one in self.spent), _NOTHING)


UNMETERED = Burn()
"""Nothing to judge; one value for all agents of which that is true."""


def told(known: Burn, beat: Beat, now: float, policy: Policy, *, new_life: bool) -> Burn:
    """Return what is known after `beat`."""
    if _is_unmetered(policy):
        return UNMETERED
    if new_life:
        known = replace(known, tokens=0.0, cost=_NOTHING)
    if beat.tokens is None and beat.cost is None:
        return known
    tokens = known.tokens if beat.tokens is None else beat.tokens
    cost = known.cost if beat.cost is None else Decimal(beat.cost)
    spent = known.spent
    if known.at is not None:
        gap = max(beat.at - known.at, 0.0)
        used = Spent(beat.at, _since(known.tokens, tokens), _since(known.cost, cost))
        spent = _added(spent, _hourly(used, gap))
    return judged(replace(known, at=beat.at, tokens=tokens, cost=cost, spent=spent), now, policy)


def judged(known: Burn, now: float, policy: Policy) -> Burn:
    """Return it without what is older than an hour, and whether the rest is too much."""
    known = replace(known, spent=tuple(one for one in known.spent if one.at + HOUR > now))
    over = over_limit(known, policy) != ""
    return replace(known, over=over, due=known.spent[0].at + HOUR if over else None)


def promised(known: Burn, now: float, policy: Policy) -> Burn:
    """Return it after the agent's promises were changed."""
    return UNMETERED if _is_unmetered(policy) else judged(known, now, policy)


def over_limit(known: Burn, policy: Policy) -> str:
    """Return which limit is passed, in plain words; "" where none is."""
    most_cost, most_tokens = policy.max_cost_per_hour, policy.max_tokens_per_hour
    words = []
    if most_cost is not None and known.hourly_cost > most_cost:
        words.append(f"cost of {known.hourly_cost:f} in an hour, {most_cost:f} allowed")
    if most_tokens is not None and known.hourly_tokens > most_tokens:
        words.append(f"{known.hourly_tokens:.0f} tokens in an hour, {most_tokens:.0f} allowed")
    return "; ".join(words)


def shifted(known: Burn, seconds: float) -> Burn:
    """Return it after the clock was set by `seconds`."""
    if known.at is None:
        return known
    spent = tuple(replace(one, at=one.at + seconds) for one in known.spent)
    return replace(known, at=known.at + seconds, spent=spent, due=moved(known.due, seconds))


def _is_unmetered(policy: Policy) -> bool:
    return policy.max_cost_per_hour is None and policy.max_tokens_per_hour is None


def _since(before: N, after: N) -> N:
    """Return what came to a total. One that has become smaller is that of a new life, and counts from nothing."""
    return after - before if after >= before else after


def _hourly(used: Spent, gap: float) -> Spent:
    """Return the last hour's share of what was used in `gap` seconds: nobody looked, or the agent told nothing."""
    if gap <= HOUR:
        return used
    return Spent(used.at, used.tokens * HOUR / gap, (used.cost * Decimal(HOUR) / Decimal(gap)).quantize(_LEAST))


def _added(spent: tuple[Spent, ...], used: Spent) -> tuple[Spent, ...]:
    if not used.tokens and not used.cost:
        return spent
    if spent and used.at < spent[-1].at + _MINUTE:
        last = spent[-1]
        return (*spent[:-1], Spent(last.at, last.tokens + used.tokens, last.cost + used.cost))
    return (*spent, used)
