"""What a decision rested on, in words, from the evidence of an incident. What an agent wrote is quoted: it is data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from supervisor.cli._times import ago, clock
from supervisor.domain.words import count, span


def lines(evidence: Mapping[str, Any], now: Any) -> Iterator[str]:
    """Yield a line for each thing that the decision rested on, as seen at `now`."""
    for key, words in _WORDS.items():
        if found := evidence.get(key):
            yield words(found, now)


def _progress(work: Mapping[str, Any], now: Any) -> str:
    since = f" since {_at(work['flat_since'], now)}" if work["flat_since"] else ""
    return f"progress.seq stays at {work['seq']}{since}, {work['pending']} pending"


def _loop(loop: Mapping[str, Any], _: Any) -> str:
    turns = loop["works_by_turns"]
    works = "the same work" if turns == 1 else f"{turns} works by turns"
    note = "" if loop["last_note"] is None else f", the last {loop['last_note']!r}"
    return f"{works} in {count(loop['heartbeats'], 'heartbeat')}{note}"


def _postcondition(outcomes: list[Mapping[str, Any]], now: Any) -> str:
    def one(outcome: Mapping[str, Any]) -> str:
        written = outcome["last_written"]
        last = "is not there" if written is None else f"was last written at {_at(written, now)}"
        return f"{outcome['path']!r} {last}, {span(outcome['newer_than_seconds'])} allowed"

    return "; ".join(map(one, outcomes))


def _activity(activity: Mapping[str, Any], now: Any) -> str:
    since = _at(activity["restart_deferred_since"], now)
    return (
        f"{activity['path']!r} was last written at {_at(activity['last_written'], now)}, restart put off since {since}"
    )


def _last_hour(used: Mapping[str, Any], _: Any) -> str:
    return f"in the last hour a cost of {used['cost']} and {used['tokens']:.0f} tokens"


def _flapping(flapping: Mapping[str, Any], _: Any) -> str:
    return f"{count(flapping['changes'], 'change')} of state, {flapping['percent']} % by weight"


def _said(said: Mapping[str, Any], _: Any) -> str:
    return "the agent said " + ", ".join(f"{key} {value!r}" for key, value in said.items())


def _at(moment: str, now: Any) -> str:
    return f"{clock(moment)} ({ago(moment, now)})"


_WORDS: dict[str, Callable[[Any, Any], str]] = {
    "progress": _progress,
    "loop": _loop,
    "postcondition": _postcondition,
    "activity": _activity,
    "last_hour": _last_hour,
    "flapping": _flapping,
    "agent_said": _said,
}
