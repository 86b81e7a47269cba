"""What two lives know of one agent, where the later one began without the journal."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain import health
from supervisor.domain.attempts import Attempt
from supervisor.domain.events import (
    Beat,
    BeatKind,
    DeadlineReached,
    HealthEvent,
    HeartbeatSeen,
    Held,
    ProcessExited,
    Registered,
    RestartAsked,
    RestartFinished,
    StartAsked,
)
from supervisor.domain.health import Health, HealthState
from supervisor.domain.inheritance import inherited
from supervisor.domain.restarts import History
from supervisor.domain.vitals import Pause
from tests.support.playbook import policy
from tests.support.stage import START

LAST = Beat(START, fingerprint="last")
FRESH = Beat(START + 7200, fingerprint="fresh")
SILENT = Health(
    HealthState.ESCALATED,
    since=START + 4500,
    misses=2,
    beat=LAST,
    due=START + 5400,
    attempt=Attempt(1, START + 3600, "silent", 1, ended=START + 3605, ok=True),
    history=History((START + 3600,), 1, START + 3605, 1),
    incident=True,
    errors=3,
    retired=("x",),
    born=7,
)
"""As the earlier life left it: restarted once, and escalated."""
BEGUN = Health(beat=LAST, due=START + 3600, since=START + 6000, born=9)
"""What a later life knows that has read the files and judged nothing."""
MISSED = replace(BEGUN, state=HealthState.UNHEALTHY, misses=1, due=START + 9000)


def test_who_has_judged_nothing_takes_over_everything() -> None:
    assert inherited(BEGUN, SILENT) == SILENT
    assert inherited(Health(), SILENT) == SILENT
    held = replace(BEGUN, state=HealthState.HEALTHY, beat=FRESH, held_until=START + 9, errors=1)
    assert inherited(held, SILENT) == replace(SILENT, held_until=START + 9, errors=4)


def test_what_was_read_tells_of_the_run_under_way_and_not_what_was_known_before() -> None:
    earlier = replace(SILENT, run_at=START)
    assert inherited(replace(BEGUN, beat=FRESH, run_at=START + 7200), earlier).run_at == START + 7200
    assert inherited(replace(BEGUN, beat=FRESH), earlier).run_at is None
    assert inherited(Health(), earlier).run_at == START


def test_an_earlier_hold_stays() -> None:
    earlier = replace(SILENT, held_until=START + 9000, held_by="ann", held_reason="it is odd")
    both = inherited(BEGUN, earlier)
    assert (both.held_until, both.held_by, both.held_reason) == (START + 9000, "ann", "it is odd")
    assert inherited(MISSED, earlier).held_until == START + 9000
    assert inherited(replace(MISSED, held_until=START + 1), earlier).held_until == START + 1


def test_a_pause_of_either_life_holds_and_the_later_one_before_the_earlier() -> None:
    pause = Pause("ann", START + 9000)
    asleep = replace(SILENT, pause=pause)
    for both in (inherited(BEGUN, asleep), inherited(MISSED, asleep), inherited(replace(BEGUN, pause=pause), SILENT)):
        assert (both.state, both.misses, both.due, both.pause) == (HealthState.STOPPED, 0, None, pause)
        assert both.causes == frozenset()
    later = Pause("bob")
    assert inherited(replace(BEGUN, pause=later), asleep).pause == later


def test_the_silence_that_goes_on_has_one_count_and_one_incident() -> None:
    both = inherited(MISSED, SILENT)
    assert (both.state, both.misses, both.incident) == (HealthState.ESCALATED, 2, True)
    assert (both.due, both.beat, both.errors, both.retired) == (MISSED.due, LAST, 3, ("x",))
    both = inherited(replace(MISSED, misses=3, exhausted=True), replace(SILENT, beat=None))
    assert (both.misses, both.exhausted, both.incident) == (3, True, False), "it was no silence after that heartbeat"
    both = inherited(replace(MISSED, beat=None), SILENT)
    assert (both.misses, both.incident) == (2, True)
    mild = replace(SILENT, state=HealthState.UNHEALTHY, incident=False, exhausted=True, misses=1)
    both = inherited(MISSED, mild)
    assert (both.state, both.incident, both.exhausted) == (HealthState.UNHEALTHY, False, True)


def test_a_silence_after_a_newer_heartbeat_is_another_one() -> None:
    both = inherited(replace(MISSED, beat=FRESH), SILENT)
    assert (both.state, both.misses, both.incident) == (HealthState.UNHEALTHY, 1, False)


def test_restarts_of_both_lives_count() -> None:
    own = Attempt(1, START + 7000, "silent", 1)
    known = replace(MISSED, attempt=own, due=None, history=History((START + 7000,), 1, None, 1))
    both = inherited(known, SILENT)
    assert both.history == History((START + 3600, START + 7000), 2, START + 3605, 2)
    assert (both.attempt, both.born) == (own, 9), "the one under way keeps its number"
    over = replace(known, history=History((START + 7000,), 1, START + 7005, 2, 1))
    assert inherited(over, SILENT).history == History((START + 3600, START + 7000), 2, START + 7005, 3, 1)


def test_a_restart_that_the_earlier_life_began_is_joined() -> None:
    running = Attempt(2, START + 5000, "silent", 2)
    both = inherited(replace(MISSED, restart_at=START + 8000), replace(SILENT, attempt=running, due=None))
    assert (both.attempt, both.born, both.due, both.restart_at) == (running, 7, None, None)
    both = inherited(MISSED, SILENT)
    assert (both.attempt, both.born, both.due) == (SILENT.attempt, 7, MISSED.due)


def test_who_recovered_stays_so() -> None:
    own = Attempt(1, START + 7000, "silent", 1, ended=START + 7005, ok=True)
    well = replace(
        BEGUN, state=HealthState.HEALTHY, beat=FRESH, attempt=own, history=History((START + 7000,), 1, 1.0, 1)
    )
    both = inherited(well, SILENT)
    assert (both.state, both.misses, both.incident, both.restarts) == (HealthState.HEALTHY, 0, False, 2)


# --- whatever two lives saw ---------------------------------------------------------------------------

_EVENTS = st.sampled_from(
    [
        "beat",
        "fail",
        "stop",
        DeadlineReached(),
        ProcessExited(1),
        RestartAsked("me"),
        StartAsked(),
        Held(START + 50_000, "me"),
        RestartFinished(1, ok=True),
        RestartFinished(2, ok=False),
    ]
)


@st.composite
def lives(draw: st.DrawFn) -> tuple[Health, Health, float]:
    """Return what a life knew at its end, what the next one knows that began without it, and the time."""
    now, number = START, 0

    def event(drawn: HealthEvent | str) -> HealthEvent:
        if not isinstance(drawn, str):
            return drawn
        kind = {"beat": BeatKind.OK, "fail": BeatKind.FAIL, "stop": BeatKind.STOP}[drawn]
        return HeartbeatSeen(Beat(now, kind, f"{number}"))

    known = []
    for _ in range(2):
        one = Health()
        for drawn in [Registered(), *draw(st.lists(_EVENTS, max_size=8))]:
            number += 1
            now += draw(st.sampled_from([0, 60, 4000]))
            one, _ = health.handle(one, event(drawn), now, policy(), name="a")
        known.append(one)
    return known[0], known[1], now


@given(lives())
def test_nothing_that_either_life_did_is_forgotten_and_nothing_impossible_comes_of_it(
    both: tuple[Health, Health, float],
) -> None:
    earlier, known, now = both
    one = inherited(known, earlier)
    if one.restarting:
        assert (one.due, one.restart_at) == (None, None)
    if known.restarting:
        assert one.attempt == known.attempt
        assert one.effect(known.attempt) == known.effect(known.attempt)
    assert one.history.total == earlier.history.total + known.history.total
    assert one.restarts == earlier.restarts + known.restarts
    assert one.misses >= known.misses
    assert not one.incident or one.state is HealthState.ESCALATED
    if one.attempt is not None:
        used = {life.effect(attempt) for life in (earlier, known) if (attempt := life.attempt) is not None}
        later, _ = health.handle(one, RestartAsked("me"), now, policy(), name="a")
        assert later.attempt is not None
        assert later.attempt == one.attempt or later.effect(later.attempt) not in used
