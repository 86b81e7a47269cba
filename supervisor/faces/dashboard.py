"""The dashboard: one self-contained page, no script, no request to anywhere. Pure; run it off the event loop.

Agents come worst first. A large fleet folds what is well, and lists what is too much for a table in brief.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from supervisor.domain.actions import Severity
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.fleet import AgentView, Fleet, Modifier, Status, worst_first
from supervisor.domain.health import HealthState
from supervisor.domain.metrics import Metrics
from supervisor.domain.words import count, span
from supervisor.faces.books import section
from supervisor.faces.moments import Moment, moment
from supervisor.faces.story import EVENTS as TOLD
from supervisor.faces.story import tell
from supervisor.faces.strips import EVENTS as DRAWN
from supervisor.faces.strips import Strips
from supervisor.ports import Row

PROGRAM = "collections-supervisor"
EVENTS = DRAWN | TOLD
"""The kept log records that the page draws from, by name."""

_WHOLE = 200
"""Fleets up to this size have every agent in full, with its strip."""
_WORST = 60
"""In larger ones only so many that are not well are shown in full; the rest is listed in brief."""
_UNFOLDED = 40
"""Fleets up to this size are shown whole; in larger ones the agents that are well are folded away."""
_EVENTS = 40
_INCIDENTS = 100
_LONGEST = 300
_WELL = frozenset({HealthState.HEALTHY, HealthState.STOPPED})


@dataclass(frozen=True, slots=True)
class Card:
    """One agent in full."""

    name: str
    state: str
    reason: str
    message: str
    heartbeat: Moment | None
    next: str
    misses: int
    restarts: int
    modifiers: tuple[str, ...]
    strip: Markup
    in_time: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """One open incident."""

    id: str
    severity: str
    subject: str
    cause: str
    summary: str
    opened: Moment
    standing: str
    told: str
    command: str


def render(
    fleet: Fleet,
    history: Sequence[Row],
    figures: Metrics | None,
    *,
    now: float,
    next_due: float | None,
    stale_after: float,
    title: str = "Collections supervisor",
) -> bytes:
    """Return the page.

    Args:
        fleet: the picture to show.
        history: the kept log records of `EVENTS`, of the last 24 hours, oldest first.
        figures: those of the last 24 hours; None where nobody could give them.
        now: when the page is made (s since the epoch).
        next_due: when the next one is due.
        stale_after: age (s) from which the page says that it is out of date.
        title: the page's title.
    """
    agents = worst_first(fleet.agents)
    fold = len(agents) > _UNFOLDED
    well = sum(agent.status in _WELL for agent in agents)
    strips = Strips(history, now)
    shown = agents[: len(agents) - well] if fold else agents
    folded = agents[len(agents) - well :] if fold else ()
    whole = len(agents) <= _WHOLE
    most = _WHOLE if whole else _WORST
    open_ = _open(fleet.incidents)
    style = _environment().get_template("dashboard.css").render(stale_after=max(int(stale_after), 1))
    page = (
        _environment()
        .get_template("dashboard.html")
        .render(
            title=title,
            style=Markup(style),  # noqa: S704 - our own file
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            status=fleet.status.value,
            headline=_headline(fleet, open_),
            doubts=[_words(doubt) for doubt in fleet.doubts],
            counts=[(state.value, number) for state, number in _counted(agents)],
            total=len(agents),
            made=moment(now, now),
            due=None if next_due is None else moment(next_due, now),
            stale=moment(now + stale_after, now),
            cards=[_card(agent, strips, now) for agent in shown[:most]],
            brief_groups=_brief(shown[most:], now),
            brief_count=max(len(shown) - most, 0),
            folded_count=len(folded),
            folded_cards=[_card(agent, strips, now) for agent in folded] if whole else [],
            folded_groups=[] if whole else _brief(folded, now),
            notices=[_notice(incident, now) for incident in open_[:_INCIDENTS]],
            notices_hidden=max(len(open_) - _INCIDENTS, 0),
            books=section(fleet.books, fleet.trend, figures, now),
            events=[(line, moment(line.at, now)) for line in tell(history, _EVENTS)],
            unregistered=fleet.unregistered[:50],
            unregistered_hidden=max(len(fleet.unregistered) - 50, 0),
            program=PROGRAM,
        )
    )
    return page.encode("utf-8", "backslashreplace")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _headline(fleet: Fleet, open_: Sequence[Incident]) -> str:
    """Return the state of the whole in one sentence."""
    states = Counter(agent.status for agent in fleet.agents)
    if fleet.status in {Status.CRITICAL, Status.WARNING}:
        return _trouble(states, len(open_))
    if fleet.status is Status.OK:
        return "Every agent is in time"
    if not fleet.agents:
        return "No agent is watched yet"
    if states[HealthState.UNKNOWN]:
        return f"The first heartbeat of {count(states[HealthState.UNKNOWN], 'agent')} is awaited"
    return "Not certain: the supervisor doubts what it sees"


def _trouble(states: Counter[HealthState], incidents: int) -> str:
    escalated = states[HealthState.ESCALATED]
    if escalated:
        return f"{count(escalated, 'agent')} {'needs' if escalated == 1 else 'need'} a person"
    late = states[HealthState.UNHEALTHY] + states[HealthState.RESTARTING]
    if late:
        return f"{count(late, 'agent')} {'is' if late == 1 else 'are'} late"
    return f"{count(incidents, 'incident')} {'is' if incidents == 1 else 'are'} open"


def _counted(agents: Iterable[AgentView]) -> list[tuple[HealthState, int]]:
    return [(state, len(list(group))) for state, group in groupby(agents, key=lambda agent: agent.status)]


def _open(incidents: Iterable[Incident]) -> list[Incident]:
    """Return the open incidents: unattended before acknowledged, critical before warning, oldest first."""
    found = [incident for incident in incidents if incident.state is not IncidentState.RESOLVED]
    return sorted(
        found,
        key=lambda one: (one.state is IncidentState.ACKNOWLEDGED, one.severity is not Severity.CRITICAL, one.opened_at),
    )


def _card(agent: AgentView, strips: Strips, now: float) -> Card:
    strip = strips.of(agent)
    message = "" if agent.beat is None or agent.status in _WELL else agent.beat.message or ""
    return Card(
        name=agent.name[:_LONGEST],
        state=agent.status.value,
        reason=agent.reason[:_LONGEST],
        message="" if message in agent.reason else message[:_LONGEST],
        heartbeat=None if agent.last_heartbeat is None else moment(agent.last_heartbeat, now),
        next=_next(agent, now),
        misses=agent.consecutive_misses,
        restarts=agent.restarts,
        modifiers=tuple(_words(modifier.value) for modifier in agent.modifiers),
        strip=Markup(strip.svg),  # noqa: S704 - numbers and words of our own
        in_time=strip.in_time,
        commands=_commands(agent),
    )


def _next(agent: AgentView, now: float) -> str:
    """Return what will happen to the agent if nothing else does."""
    parts = []
    if agent.restart_at is not None:
        parts.append(f"next restart {moment(agent.restart_at, now).clock}")
    if agent.due is not None:
        what = "due by" if agent.status is HealthState.HEALTHY else "next miss"
        parts.append(f"{what} {moment(agent.due, now).clock}")
    if agent.held_until is not None and agent.held_until > now:
        parts.append(f"held until {moment(agent.held_until, now).clock}")
    return " · ".join(parts)


def _commands(agent: AgentView) -> tuple[str, ...]:
    name = shlex.quote(agent.name[:_LONGEST])
    held = "release" if Modifier.HELD in agent.modifiers else "hold"
    asked = ("why", "restart", held) if agent.restarter is not None else ("why", held)
    return tuple(f"{PROGRAM} {verb} {name}" for verb in asked)


def _brief(agents: Iterable[AgentView], now: float) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return (state, [(name, age of the last heartbeat, why)]) for many agents."""
    return [
        (
            state.value,
            [
                (
                    agent.name[:_LONGEST],
                    "never" if agent.last_heartbeat is None else span(max(now - agent.last_heartbeat, 0.0)),
                    "" if state in _WELL else agent.reason[:60],
                )
                for agent in group
            ],
        )
        for state, group in groupby(agents, key=lambda agent: agent.status)
    ]


def _notice(incident: Incident, now: float) -> Notice:
    if incident.acked_by is not None:
        until = "" if incident.acked_until is None else f" until {moment(incident.acked_until, now).clock}"
        standing = f"{incident.acked_by[:_LONGEST]} looks after it{until}"
    else:
        standing = "silenced" if incident.silenced else "nobody has acknowledged it"
    return Notice(
        id=incident.id,
        severity=incident.severity.value,
        subject=incident.subject[:_LONGEST],
        cause=_words(incident.cause)[:_LONGEST],
        summary=incident.summary[:_LONGEST],
        opened=moment(incident.opened_at, now),
        standing=standing,
        told=", ".join(incident.told)[:_LONGEST] or "nobody yet",
        command=f"{PROGRAM} ack {shlex.quote(incident.id)}",
    )


def _words(name: str) -> str:
    return name.replace("_", " ")
