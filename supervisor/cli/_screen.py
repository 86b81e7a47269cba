"""The live view of `top` as lines of a given size, worst first: pure, from documents to something rich can draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from supervisor.cli import _output, _silences
from supervisor.cli._books import one_line
from supervisor.cli._fleet import STATUS, STYLES, headline, held, modifiers
from supervisor.cli._times import ago, clock, moment
from supervisor.domain.words import count, span
from supervisor.faces.sentences import sentence

_LEVELS = {"error": "red", "warning": "yellow"}
_INCIDENTS = 4
"""So many incidents are shown at most; the rest is counted."""

_LOW = 20
"""On a screen of fewer lines there is less beside the agents."""

_WIDE, _NARROW = 100, 50
"""From so many columns on there is more to a row; below so many there is less."""


@dataclass(frozen=True, slots=True)
class View:
    """What there is to be shown.

    Args:
        fleet: the document of everything, None until there was an answer.
        events: the documents of what happened, oldest first.
        lost: why the daemon does not answer, None where it does.
        late: how old (s) the document is.
        first: the agent that stands on top, counted from 0.
    """

    fleet: dict[str, Any] | None = None
    events: Sequence[dict[str, Any]] = ()
    lost: str | None = None
    late: float = 0.0
    first: int = 0


def agent_rows(view: View, height: int | None) -> int:
    """Return how many agents fit on a screen of `height` lines (None: any number)."""
    if view.fleet is None:
        return 0
    agents = len(view.fleet["agents"])
    if height is None:
        return agents
    # The title, the table's head and the keys; what stands below the agents; the head of the events and a few of them.
    others = 3 + (view.lost is not None) + len(_below(view.fleet, height)) + (2 if height < _LOW else 4)
    return min(agents, max(1, height - others))


def screen(view: View, width: int, height: int | None) -> RenderableType:
    """Return the whole screen; of any height, where `height` is None."""
    fleet = view.fleet
    if fleet is None:
        return _line(width, [("waiting for the daemon", "magenta"), f": {view.lost}" if view.lost else ""])
    now = fleet["timestamp"]
    shown = agent_rows(view, height)
    first = max(0, min(view.first, len(fleet["agents"]) - shown))
    parts: list[RenderableType] = [_title(fleet, width)]
    if view.lost is not None:
        said = f" for {span(int(view.late))}, trying again ({view.lost})"
        parts.append(_line(width, [(" NO ANSWER ", "bold white on red"), (said, "red")]))
    parts.append(_agents(fleet["agents"][first : first + shown], now, view.late, width))
    below = _below(fleet, height)
    parts += [_line(width, pieces) for pieces in below]
    used = 3 + (view.lost is not None) + shown + len(below)
    told = [event for event in view.events if event["level"] != "debug"]
    room = len(told) if height is None else max(0, height - used - 1)
    if told and room:
        parts.append(_line(width, [("What happened", "bold")]))
        parts.append(_events(told[-room:], width))
        used += 1 + len(told[-room:])
    if height is not None:
        parts += [Text("")] * (height - used)
        parts.append(_keys(first, shown, len(fleet["agents"]), width))
    return Group(*parts)


# --- its parts ---------------------------------------------------------------------------------------


def _title(fleet: dict[str, Any], width: int) -> Text:
    word = (f" {fleet['status'].upper()} ", f"bold reverse {STATUS[fleet['status']]}")
    parts: list[_output.Piece] = [word, " ", *headline(fleet)]
    time = clock(fleet["timestamp"])
    line = _line(width - len(time) - 1, parts)
    line.pad_right(width - len(time) - line.cell_len)
    return line.append(time, "dim")


def _agents(agents: Sequence[dict[str, Any]], now: Any, late: float, width: int) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("" if width < _NARROW else "STATE", no_wrap=True, width=1 if width < _NARROW else 12)
    table.add_column("AGENT", no_wrap=True, overflow="ellipsis", max_width=max(8, width // 4))
    if width >= _NARROW:
        table.add_column("HEARTBEAT", no_wrap=True, width=11, justify="right")
    if width >= _WIDE:
        table.add_column("MISSES", no_wrap=True, width=6, justify="right")
        table.add_column("RESTARTS", no_wrap=True, width=8, justify="right")
    table.add_column("WHY", no_wrap=True, overflow="ellipsis", ratio=1)
    for agent in agents:
        symbol, style = STYLES.get(agent["status"], ("?", ""))
        state = symbol if width < _NARROW else f"{symbol} {agent['status']}"
        cells = [Text(state, style), _text(agent["name"], "bold")]
        if width >= _NARROW:
            cells.append(Text(_age(agent["last_heartbeat"], now, late)))
        if width >= _WIDE:
            cells += [_number(agent["consecutive_misses"], "yellow"), _number(agent["restarts"], "")]
        table.add_row(*cells, _text(_why(agent)))
    return table


def _below(fleet: dict[str, Any], height: int | None) -> list[list[_output.Piece]]:
    """Return the lines between the agents and what happened."""
    low = height is not None and height < _LOW
    most = 1 if low else _INCIDENTS
    lines: list[list[_output.Piece]] = []
    now, incidents = fleet["timestamp"], sorted(fleet["incidents"], key=lambda one: one["severity"] != "critical")
    for one in incidents[:most]:
        style = _output.SEVERITIES.get(one["severity"], "")
        by = f", {one['acked_by']} looks after it" if one.get("acked_by") else ""
        opened = (f" ({ago(one['opened_at'], now)}{by})", "dim")
        subject = one["key"].partition(":")[0]
        lines.append([(one["severity"], style), f" {one['id']} ", (subject, "bold"), f" {one['summary']}", opened])
    if len(incidents) > most:
        lines.append([f"and {count(len(incidents) - most, 'more incident')}: collections-supervisor incidents"])
    silenced = [] if low else list(_silences.lines(fleet, now))
    lines += silenced[:most]
    if len(silenced) > most:
        lines.append([f"and {count(len(silenced) - most, 'more silence')}: collections-supervisor silence list"])
    if not fleet["observed"]:
        doubts = "; ".join(fleet["doubts"]).replace("_", " ") or "decisions wait"
        lines.append([("not observed: ", "magenta"), doubts])
    books = one_line(fleet["books"], fleet["queues"])
    return lines + (books[-1:] if low else books)


def _events(events: Sequence[dict[str, Any]], width: int) -> Table:
    table = Table(box=None, expand=True, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for event in events:
        who = f"{event['agent']}: " if event.get("agent") else ""
        said = _text(f"{who}{sentence(event['event'], event, clock)}", _LEVELS.get(event["level"], ""))
        at = clock(event["timestamp"])
        table.add_row(Text(at if width >= _NARROW else at[-8:], "dim"), said)
    return table


def _keys(first: int, shown: int, all_: int, width: int) -> Text:
    place = f"   ↑ ↓ scroll   agents {first + 1} to {first + shown} of {all_}" if shown < all_ else ""
    return _line(width, [(f"q quit{place}", "dim")])


def _age(beat: str | None, now: Any, late: float) -> str:
    """Return how long ago the heartbeat was; the time since the answer counts."""
    return "never" if beat is None else span(int(moment(now) - moment(beat) + late))


def _why(agent: dict[str, Any]) -> str:
    """Return why an agent is as it is; what is cut off where the screen is narrow comes last."""
    known = f"{modifiers(agent)}{held(agent)}".strip(" ;")
    return f"{known}; {agent['reason']}" if known else str(agent["reason"])


def _number(number: int, style: str) -> Text:
    return Text(str(number), style if number else "dim")


def _text(text: str, style: str = "") -> Text:
    return Text(_output.plain(text), style)


def _line(width: int, pieces: Sequence[_output.Piece]) -> Text:
    """Return one line, cut off where it is too long."""
    texts = [(piece, "") if isinstance(piece, str) else piece for piece in pieces]
    line = Text.assemble(*((_output.plain(text), style) for text, style in texts))
    line.truncate(max(1, width), overflow="ellipsis")
    line.no_wrap = True
    return line
