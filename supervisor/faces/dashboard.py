"""The dashboard: one self-contained page, no script, no request to anywhere. Pure; run it off the event loop.

Agents come worst first. A large fleet folds what is well, and lists what is too much for a table in brief.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from supervisor.domain.actions import Severity
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.fleet import AgentView, Fleet, Modifier, Status, notable, troubled, worst_first
from supervisor.domain.health import HealthState
from supervisor.domain.metrics import Metrics
from supervisor.domain.silences import Silence
from supervisor.domain.words import LINE_LIMIT
from supervisor.faces import quiet
from supervisor.faces.books import section
from supervisor.faces.languages.language import ENGLISH, Language, Moment
from supervisor.faces.live import EVENTS as LIVE_EVENTS
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
_WELL = frozenset({HealthState.HEALTHY, HealthState.STOPPED})


@dataclass(frozen=True, slots=True)
class Card:
    """One agent in full."""

    name: str
    state: str
    reason: str
    message: str
    heartbeat: Moment | None
    next: tuple[tuple[str, Moment], ...]
    misses: int
    restarts: int
    modifiers: tuple[str, ...]
    strip: Markup
    in_time: str
    commands: tuple[str, ...]
    restartable: bool
    held: bool
    held_reason: str
    paused: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """One open incident."""

    id: str
    severity: str
    subject: str
    cause: str
    summary: str
    opened: Moment
    open_for: str
    standing: str
    told: str
    command: str
    acknowledged: bool
    silenced: bool
    key: str


def render(
    fleet: Fleet,
    history: Sequence[Row],
    figures: Metrics | None,
    *,
    now: float,
    next_due: float | None,
    stale_after: float,
    speech: Language = ENGLISH,
    live: bool = False,
    acting: bool = False,
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
        speech: the page's language.
        live: it is for a browser, which keeps it up to date, not for a file.
        acting: what may be done is offered as buttons, not as commands to type.
        title: the page's title.
    """
    agents = worst_first(fleet.agents, fleet.incidents)
    subjects = troubled(fleet.incidents)
    fold = len(agents) > _UNFOLDED
    well = sum(agent.status in _WELL and not notable(agent, subjects) for agent in agents)
    strips = Strips(history, now, speech)
    shown = agents[: len(agents) - well] if fold else agents
    folded = agents[len(agents) - well :] if fold else ()
    whole = len(agents) <= _WHOLE
    most = _WHOLE if whole else _WORST
    open_ = _open(fleet)
    view = _View(speech, now, subjects)
    css = _environment().get_template("dashboard.css")
    style = css.render(stale_after=max(int(stale_after), 1), t=speech.html, live=live)
    page = (
        _environment()
        .get_template("dashboard.html")
        .render(
            title=title,
            lang=speech.code,
            live=live,
            acting=acting,
            live_events=" ".join(LIVE_EVENTS),
            t=speech.html,
            number=speech.number,
            style=Markup(style),  # noqa: S704 - our own file
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            status=fleet.status.value,
            headline=view.headline(fleet, open_),
            doubts=[view.words(doubt) for doubt in fleet.doubts],
            counts=[(state.value, number) for state, number in _counted(agents)],
            total=len(agents),
            made=view.moment(now),
            due=None if live or next_due is None else view.moment(next_due),
            stale=view.moment(now + stale_after),
            cards=[view.card(agent, strips) for agent in shown[:most]],
            brief_groups=view.brief(shown[most:]),
            brief_count=max(len(shown) - most, 0),
            folded_count=len(folded),
            folded_cards=[view.card(agent, strips) for agent in folded] if whole else [],
            folded_groups=[] if whole else view.brief(folded),
            notices=[view.notice(incident, fleet.silences.over(incident.key)) for incident in open_[:_INCIDENTS]],
            notices_hidden=max(len(open_) - _INCIDENTS, 0),
            silences=quiet.lines(fleet, speech),
            books=section(fleet.books, fleet.trend, figures, now, speech),
            events=[(line, view.moment(line.at)) for line in tell(history, _EVENTS, speech)],
            page_error=fleet.page_error[:LINE_LIMIT],
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


def _counted(agents: Iterable[AgentView]) -> list[tuple[HealthState, int]]:
    return list(Counter(agent.status for agent in agents).items())


def _open(fleet: Fleet) -> list[Incident]:
    """Return the open incidents: unattended before acknowledged or silenced, critical before warning, oldest first."""

    def rank(incident: Incident) -> tuple[bool, bool, float]:
        return _attended(incident, fleet), incident.severity is not Severity.CRITICAL, incident.opened_at

    return sorted((one for one in fleet.incidents if one.state is not IncidentState.RESOLVED), key=rank)


def _attended(incident: Incident, fleet: Fleet) -> bool:
    """Whether somebody looks after an open incident, or has silenced it."""
    return incident.state is IncidentState.ACKNOWLEDGED or fleet.silences.over(incident.key) is not None


class _View:
    """Puts the picture into words, in the language of `speech`, as seen at `now`.

    `subjects`: what the open incidents are about.
    """

    def __init__(self, speech: Language, now: float, subjects: Collection[str]) -> None:
        self._subjects = subjects
        self._say = speech.say
        self._speech = speech
        self._now = now

    def moment(self, at: float) -> Moment:
        return self._speech.moment(at, self._now)

    def words(self, name: str) -> str:
        """Return a name of ours ("watch_lost") as words."""
        return self._speech.tell(name.replace("_", " "))

    def headline(self, fleet: Fleet, open_: Sequence[Incident]) -> str:
        """Return the state of the whole in one sentence."""
        states = Counter(agent.status for agent in fleet.agents)
        if fleet.status in {Status.CRITICAL, Status.WARNING}:
            alone = {incident.subject for incident in open_ if not _attended(incident, fleet)}
            needy = sum(agent.status is HealthState.ESCALATED or agent.name in alone for agent in fleet.agents)
            return self._trouble(needy, states, len(open_))
        if fleet.status is Status.OK:
            return self._say("Every agent is in time")
        if not fleet.agents:
            return self._say("No agent is watched yet")
        if (unknown := states[HealthState.UNKNOWN]) == 1:
            return self._say("The first heartbeat of 1 agent is awaited")
        if unknown:
            return self._say("The first heartbeat of {n} agents is awaited", n=self._speech.number(unknown))
        return self._say("Not certain: the supervisor doubts what it sees")

    def _trouble(self, needy: int, states: Counter[HealthState], incidents: int) -> str:
        late = states[HealthState.UNHEALTHY] + states[HealthState.RESTARTING]
        n = self._speech.number(needy or late or incidents)
        if needy:
            return self._say("1 agent needs a person") if needy == 1 else self._say("{n} agents need a person", n=n)
        if late:
            return self._say("1 agent is late") if late == 1 else self._say("{n} agents are late", n=n)
        return self._say("1 incident is open") if incidents == 1 else self._say("{n} incidents are open", n=n)

    def card(self, agent: AgentView, strips: Strips) -> Card:
        """Return one agent in full."""
        strip = strips.of(agent)
        message = "" if agent.beat is None or agent.status in _WELL else agent.beat.message or ""
        return Card(
            name=agent.name[:LINE_LIMIT],
            state=agent.status.value,
            reason=self._speech.tell(agent.reason[:LINE_LIMIT]),
            message="" if message in agent.reason else message[:LINE_LIMIT],
            heartbeat=None if agent.last_heartbeat is None else self.moment(agent.last_heartbeat),
            next=tuple((what, self.moment(at)) for what, at in self._next(agent)),
            misses=agent.consecutive_misses,
            restarts=agent.restarts,
            modifiers=self._modifiers(agent),
            strip=Markup(strip.svg),  # noqa: S704 - numbers and words of our own
            in_time=strip.in_time,
            commands=_commands(agent),
            restartable=agent.restarter is not None,
            held=Modifier.HELD in agent.modifiers,
            held_reason=(agent.held_reason or "")[:LINE_LIMIT],
            paused=agent.pause is not None,
        )

    def _modifiers(self, agent: AgentView) -> tuple[str, ...]:
        """Return what is true of an agent beside its state; an open incident, where the state does not show it."""
        own = tuple(self.words(modifier.value) for modifier in agent.modifiers)
        hidden = agent.status in _WELL and agent.name in self._subjects
        return (*own, self._say("open incident")) if hidden else own

    def _next(self, agent: AgentView) -> Iterator[tuple[str, float]]:
        """Yield what will happen to the agent if nothing else does, and when."""
        if agent.restart_at is not None:
            yield self._say("next restart"), agent.restart_at
        if agent.schedule is not None:
            grace = self._speech.span(agent.schedule.grace)
            yield self._say("next run, {grace} of grace", grace=grace), agent.schedule.next_run
        if agent.due is not None:
            yield self._say("due by") if agent.status is HealthState.HEALTHY else self._say("next miss"), agent.due
        if agent.held_until is not None and agent.held_until > self._now:
            by = (agent.held_by or "")[:LINE_LIMIT]
            held = self._say("restarts held by {by} until", by=by) if by else self._say("restarts held until")
            yield held, agent.held_until

    def brief(self, agents: Iterable[AgentView]) -> list[tuple[str, list[tuple[str, str, str]]]]:
        """Return (state, [(name, age of the last heartbeat, why)]) for many agents."""
        span, never = self._speech.span, self._say("never")
        return [
            (
                state.value,
                [
                    (
                        agent.name[:LINE_LIMIT],
                        never if agent.last_heartbeat is None else span(max(self._now - agent.last_heartbeat, 0.0)),
                        self._brief(agent),
                    )
                    for agent in group
                ],
            )
            for state, group in groupby(agents, key=lambda agent: agent.status)
        ]

    def _brief(self, agent: AgentView) -> str:
        """Return why an agent that is not well is so, or what else there is to know of it."""
        reason = "" if agent.status in _WELL and agent.pause is None else self._speech.tell(agent.reason)[:60]
        known = ", ".join(self._modifiers(agent)) if notable(agent, self._subjects) else ""
        return f"{reason} ({known})" if reason and known else reason or known

    def notice(self, incident: Incident, silence: Silence | None) -> Notice:
        """Return one open incident, and what silences it."""
        return Notice(
            id=incident.id,
            severity=incident.severity.value,
            subject=incident.subject[:LINE_LIMIT],
            cause=self.words(incident.cause[:LINE_LIMIT]),
            summary=self._speech.tell(incident.summary[:LINE_LIMIT]),
            opened=self.moment(incident.opened_at),
            open_for=self._speech.span(max(self._now - incident.opened_at, 0.0)),
            standing=self._standing(incident, silence),
            told=", ".join(incident.told)[:LINE_LIMIT] or self._say("nobody yet"),
            command=f"{PROGRAM} ack {shlex.quote(incident.id)}",
            acknowledged=incident.acked_by is not None,
            silenced=silence is not None,
            key=incident.key[:LINE_LIMIT],
        )

    def _standing(self, incident: Incident, silence: Silence | None) -> str:
        if incident.acked_by is None and silence is not None:
            by, clock = quiet.author(silence, self._speech), self.moment(silence.ends_at).clock
            comment = silence.comment[:LINE_LIMIT]
            return self._say("silenced until {clock} by {by}: {comment}", clock=clock, by=by, comment=comment)
        if incident.acked_by is None:
            return self._say("nobody has acknowledged it")
        by = incident.acked_by[:LINE_LIMIT]
        if incident.acked_until is None:
            return self._say("{by} looks after it", by=by)
        return self._say("{by} looks after it until {clock}", by=by, clock=self.moment(incident.acked_until).clock)


def _commands(agent: AgentView) -> tuple[str, ...]:
    name = shlex.quote(agent.name[:LINE_LIMIT])
    held = "release" if Modifier.HELD in agent.modifiers else "hold"
    asked = ["why"]
    if agent.restarter is not None:
        asked += [held] if agent.pause is not None else ["restart", held]
    elif held == "release":
        asked.append(held)
    asked.append("pause" if agent.pause is None else "resume")
    return tuple(f"{PROGRAM} {verb} {name}" for verb in asked)
