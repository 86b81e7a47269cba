"""The last 24 hours of an agent as half-hour cells: the worst that was seen in each, grey where nobody looked.

Pure: kept log records in, SVG and words out. Trouble wins its cell, so that a short outage is still seen.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from supervisor.domain.fleet import AgentView
from supervisor.faces.languages.language import Language
from supervisor.ports import Row

WINDOW = 24 * 3600.0
CELLS = 48
_CELL = WINDOW / CELLS
EVENTS = frozenset({"health_changed", "supervisor_started", "supervisor_stopping", "gate_closed", "gate_opened"})
"""The records that strips are drawn from."""

_UNOBSERVED = "unobserved"
_HEIGHTS = {
    "unobserved": 2,
    "healthy": 11,
    "stopped": 7,
    "unknown": 4,
    "restarting": 14,
    "unhealthy": 17,
    "escalated": 20,
}
"""Height of a state's bar, of 20: states must not be told apart by colour alone. The order is also best to worst."""
_RANK = {state: rank for rank, state in enumerate(_HEIGHTS)}
_TROUBLE = frozenset({"restarting", "unhealthy", "escalated"})

Segment = tuple[float, float, str]


@dataclass(frozen=True, slots=True)
class Strip:
    """One agent's day.

    Args:
        svg: the picture, safe to put into a page.
        in_time: share of the time observed in which the agent kept its promise, in words.
    """

    svg: str
    in_time: str


class Strips:
    """Draws strips from the kept records of the last 24 hours (`history`, oldest first) as seen at `now`."""

    def __init__(self, history: Sequence[Row], now: float, speech: Language) -> None:
        self._now = now
        self._speech = speech
        self._start = now - WINDOW
        rows = [row for row in history if row.event in EVENTS and self._start <= row.at <= now]
        self._gaps = unobserved(rows, self._start, now)
        self._changes: dict[str | None, list[Row]] = defaultdict(list)
        for row in rows:
            if row.event == "health_changed":
                self._changes[row.agent].append(row)
        self._quiet: dict[tuple[str, float], Strip] = {}

    def of(self, agent: AgentView) -> Strip:
        """Return the strip of `agent`."""
        changes = self._changes.get(agent.name)
        if changes:
            return self._draw(_states(agent, changes, self._start, self._now))
        # Most agents had a quiet day, and one picture is enough for all of them.
        key = (agent.status.value, max(agent.since, self._start))
        if key not in self._quiet:
            self._quiet[key] = self._draw(_states(agent, (), self._start, self._now))
        return self._quiet[key]

    def _draw(self, states: Sequence[Segment]) -> Strip:
        worst = [_UNOBSERVED] * CELLS
        seen = [0.0] * CELLS
        total: dict[str, float] = defaultdict(float)
        for begin, end, state in _without(states, self._gaps):
            total[state] += end - begin
            first, last = int((begin - self._start) / _CELL), math.ceil((end - self._start) / _CELL) - 1
            first, last = min(first, CELLS - 1), min(last, CELLS - 1)
            for cell in {first, last}:
                left = self._start + cell * _CELL
                seen[cell] += min(end, left + _CELL) - max(begin, left)
                worst[cell] = max(worst[cell], state, key=_RANK.__getitem__)
            # What lies between is this state's alone: most of a day is one state.
            between = max(last - first - 1, 0)
            worst[first + 1 : first + 1 + between] = [state] * between
            seen[first + 1 : first + 1 + between] = [_CELL] * between
        cells = [
            state if state in _TROUBLE or share >= _CELL / 2 else _UNOBSERVED
            for state, share in zip(worst, seen, strict=True)
        ]
        return Strip(_svg(cells, self._words(total)), self._in_time(total))

    def _words(self, total: dict[str, float]) -> str:
        parts = [(state, total[state]) for state in reversed(_RANK) if total.get(state, 0.0) >= 1]
        hidden = WINDOW - sum(total.values())
        if hidden >= 1:
            parts.append(("not observed", hidden))
        told = ", ".join(f"{self._speech.tell(state)} {self._speech.span(seconds)}" for state, seconds in parts)
        return self._speech.say("Last 24 h: {states}", states=told)

    def _in_time(self, total: dict[str, float]) -> str:
        kept = total.get("healthy", 0.0) + total.get("stopped", 0.0)
        judged = sum(seconds for state, seconds in total.items() if state != "unknown")
        if judged < 1:
            return self._speech.say("no data")
        # Rounded down: only a day without a fault may say 100 %.
        share = Decimal(int(kept / judged * 1000 + 1e-6)) / 10
        return self._speech.say("{share} % in time", share=self._speech.number(share))


def unobserved(rows: Sequence[Row], start: float, now: float) -> list[tuple[float, float]]:
    """Return when nobody was watching, or what was seen could not be trusted: (from, to), in order and apart."""
    gaps: list[tuple[float, float]] = []
    since: float | None = None
    for number, row in enumerate(rows):
        if row.event == "supervisor_started":
            absent = row.fields.get("absent")
            begin = since
            if isinstance(absent, int | float):
                begin = row.at - absent if since is None else min(since, row.at - absent)
            elif all(earlier.event == "gate_closed" for earlier in rows[:number]):
                begin = start  # the journal begins here, with a gate that is closed until all is read
            _add(gaps, begin, row.at)
            since = None
        elif row.event in {"supervisor_stopping", "gate_closed"}:
            since = row.at if since is None else since
        elif row.event == "gate_opened":
            lasted = row.fields.get("seconds")
            begin = row.at - lasted if since is None and isinstance(lasted, int | float) else since
            _add(gaps, begin, row.at)
            since = None
    _add(gaps, since, now)
    return [(max(begin, start), end) for begin, end in gaps]


def _add(gaps: list[tuple[float, float]], begin: float | None, end: float) -> None:
    if begin is None:
        return
    if gaps:
        begin = max(begin, gaps[-1][1])
    if begin < end:
        gaps.append((begin, end))


def _states(agent: AgentView, changes: Sequence[Row], start: float, now: float) -> list[Segment]:
    """Return the agent's states since `start`, one after another."""
    at, state = start, str(changes[0].fields.get("old")) if changes else _UNOBSERVED
    if not changes and agent.since <= start:
        state = agent.status.value
    found: list[Segment] = []
    steps = [(row.at, str(row.fields.get("new"))) for row in changes]
    if not steps or agent.since > steps[-1][0]:
        steps.append((min(max(agent.since, start), now), agent.status.value))
    for moment, new in [*steps, (now, "")]:
        if moment > at:
            found.append((at, moment, state if state in _RANK else "unknown"))
        at, state = max(at, moment), new
    return found


def _without(states: Sequence[Segment], gaps: Sequence[tuple[float, float]]) -> Iterator[Segment]:
    """Yield the parts of `states` that lie outside `gaps`; both are in order, so one pass is enough."""
    ahead = 0
    for begin, end, state in states:
        if state == _UNOBSERVED:
            continue
        at = begin
        while ahead < len(gaps) and gaps[ahead][1] <= at:
            ahead += 1
        for gap_begin, gap_end in _from(gaps, ahead, end):
            if gap_begin > at:
                yield at, gap_begin, state
            at = max(at, gap_end)
        if at < end:
            yield at, end, state


def _from(gaps: Sequence[tuple[float, float]], first: int, end: float) -> Iterator[tuple[float, float]]:
    while first < len(gaps) and gaps[first][0] < end:
        yield gaps[first]
        first += 1


def _svg(cells: Sequence[str], words: str) -> str:
    shapes: dict[str, str] = defaultdict(str)
    at = 0
    for state, run in groupby(cells):
        length, height = len(list(run)), _HEIGHTS[state]
        shapes[state] += f"M{at} {20 - height}h{length}v{height}h-{length}z"
        at += length
    paths = "".join(f'<path class="{state}" d="{shape}"/>' for state, shape in shapes.items())
    return (
        f'<svg class="strip" viewBox="0 0 {CELLS} 20" preserveAspectRatio="none" role="img">'
        f"<title>{words}</title>{paths}</svg>"
    )
