"""What the page says of silences and of windows of maintenance. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from supervisor.domain.fleet import Fleet
from supervisor.domain.silences import Coverage, Silence
from supervisor.domain.words import LINE_LIMIT
from supervisor.faces.languages.language import Language, Moment

_MOST = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One silence, or one window that is to open.

    Args:
        id: of a silence that may be ended by hand; else empty.
        when: in words, with `at` after it.
        covers: what falls under it now; empty for a window that is shut.
    """

    id: str
    matcher: str
    comment: str
    by: str
    when: str
    at: Moment | None
    covers: str
    runs: bool


def lines(fleet: Fleet, speech: Language) -> list[Line]:
    """Return those that run, those that are to begin, and the windows that are shut, soonest first."""
    kept = sorted(fleet.covered, key=lambda one: (not one.runs, one.silence.ends_at))
    return [*(_line(one, fleet.at, speech) for one in kept[:_MOST]), *_shut(fleet, speech)]


def author(silence: Silence, speech: Language) -> str:
    """Return who has silenced it: a person, or the window of maintenance."""
    if silence.window:
        return speech.say("maintenance {name}", name=silence.window)
    return silence.author[:LINE_LIMIT]


def _line(covered: Coverage, now: float, speech: Language) -> Line:
    silence = covered.silence
    return Line(
        id="" if silence.window else silence.id,
        matcher=silence.matcher[:LINE_LIMIT],
        comment=silence.comment[:LINE_LIMIT],
        by=author(silence, speech),
        when=speech.say("until") if covered.runs else speech.say("begins"),
        at=speech.moment(silence.ends_at if covered.runs else silence.starts_at, now),
        covers=_covers(covered, speech),
        runs=covered.runs,
    )


def _shut(fleet: Fleet, speech: Language) -> Iterable[Line]:
    open_now = {covered.silence.window for covered in fleet.covered}
    for planned in fleet.planned:
        window = planned.window
        if window.name in open_now or planned.next_at is None:
            continue
        yield Line(
            id="",
            matcher=window.matcher[:LINE_LIMIT],
            comment=window.comment[:LINE_LIMIT],
            by=speech.say("maintenance {name}", name=window.name),
            when=speech.say("for {length} from", length=speech.span(window.duration)),
            at=speech.moment(planned.next_at, fleet.at),
            covers="",
            runs=False,
        )


def _covers(covered: Coverage, speech: Language) -> str:
    if covered.idle:
        return speech.say("it matches nothing that is watched now")
    parts = []
    if covered.agents:
        n = speech.number(covered.agents)
        parts.append(speech.say("1 agent") if covered.agents == 1 else speech.say("{n} agents", n=n))
    if covered.incidents:
        n = speech.number(covered.incidents)
        parts.append(speech.say("1 incident") if covered.incidents == 1 else speech.say("{n} incidents", n=n))
    return ", ".join([*parts, *covered.scopes])
