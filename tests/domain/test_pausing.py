"""A pause, step by step: the machine as a whole is in test_health_machine.py."""

from __future__ import annotations

from dataclasses import replace

from supervisor.domain import health
from supervisor.domain.actions import Refusal, ResolveIncident, Restart, RestartRefused
from supervisor.domain.events import (
    Beat,
    BeatKind,
    DeadlineReached,
    HealthEvent,
    HeartbeatSeen,
    Held,
    Paused,
    PolicyChanged,
    ProcessExited,
    Registered,
    RestartAsked,
    RestartFinished,
    Resumed,
    StartAsked,
)
from supervisor.domain.health import Health, HealthState
from supervisor.domain.vitals import Pause, Step
from tests.support.playbook import policy
from tests.support.stage import START

POLICY = policy(heartbeat_timeout="1h", check_interval="15m", start_period="10m")
ANN = Paused(None, "ann")


def told(known: Health, event: HealthEvent, after: float = 0.0) -> Step:
    return health.handle(known, event, START + after, POLICY, name="a")


def beating() -> Health:
    known, _ = told(Health(), Registered())
    return told(known, HeartbeatSeen(Beat(START, fingerprint="first")))[0]


def paused(event: Paused = ANN) -> Health:
    return told(beating(), event, 60.0)[0]


def test_what_is_open_is_resolved_and_nothing_else_is_wanted() -> None:
    silent = beating()
    for after in (3600.0, 4500.0, 5400.0):
        silent, _ = told(silent, DeadlineReached(), after)
    silent = replace(silent, incident=True)
    after, actions = told(silent, ANN, 5500.0)
    assert actions == (*(ResolveIncident(cause, "paused by ann") for cause in silent.causes),)
    assert (after.state, after.misses, after.due, after.causes) == (HealthState.STOPPED, 0, None, frozenset())


def test_no_restart_is_begun_and_one_that_runs_is_heard_to_its_end() -> None:
    assert told(paused(), RestartAsked("bob"), 90.0)[1] == (RestartRefused(Refusal.PAUSED),)
    running, actions = told(beating(), RestartAsked("bob"), 30.0)
    assert [type(action) for action in actions] == [Restart]
    running, _ = told(running, ANN, 31.0)
    assert told(running, ProcessExited(0), 32.0) == (running, ())
    resumed, _ = told(running, Resumed("ann"), 33.0)
    assert (resumed.state, resumed.due) == (HealthState.RESTARTING, None)
    assert running.attempt is not None
    ended, actions = told(running, RestartFinished(running.attempt.number, ok=True), 40.0)
    assert (ended.restarting, ended.due, ended.state, actions) == (False, None, HealthState.STOPPED, ())


def test_from_its_end_on_it_has_its_start_period_or_its_promise() -> None:
    early, _ = told(paused(), Resumed("ann"), 120.0)
    assert (early.state, early.due) == (HealthState.HEALTHY, START + 3600)
    late, _ = told(paused(), Resumed("ann"), 7200.0)
    assert (late.state, late.due, late.misses) == (HealthState.UNKNOWN, START + 7800, 0)
    assert late.reason == "resumed by ann, heartbeat awaited"
    for event in (PolicyChanged(), Registered()):
        assert told(late, event, 7300.0)[0].due == START + 7800
    timed = paused(Paused(START + 7200, "ann"))
    assert timed.deadline == START + 7200
    over, _ = told(timed, DeadlineReached(), 7200.0)
    assert (over.due, over.reason) == (START + 7800, "the pause is over, heartbeat awaited")


def test_one_that_never_beat_is_awaited_as_when_it_was_registered() -> None:
    new, _ = told(told(Health(), Registered())[0], ANN, 60.0)
    assert told(new, Resumed("ann"), 7200.0)[0].due == START + 7200 + 3600


def test_one_that_has_stopped_meanwhile_stays_so() -> None:
    stopped, actions = told(paused(), HeartbeatSeen(Beat(START + 90, BeatKind.STOP, "bye")), 90.0)
    assert actions == ()
    after, _ = told(stopped, Resumed("ann"), 7200.0)
    assert (after.state, after.due, after.reason) == (HealthState.STOPPED, None, "stopped as planned")


def test_a_process_that_has_ended_has_no_start_period() -> None:
    for event, words in (
        (ProcessExited(3), "the process ended with exit code 3"),
        (StartAsked(), "its process was not started, for it was paused"),
    ):
        gone, actions = told(paused(), event, 90.0)
        assert (gone.gone, gone.due, actions) == (words, None, ())
        resumed, _ = told(gone, Resumed("ann"), 7200.0)
        assert (resumed.state, resumed.due) == (HealthState.UNKNOWN, START + 7200)
        back, _ = told(gone, HeartbeatSeen(Beat(START + 95, fingerprint="back")), 95.0)
        assert back.gone == "", "somebody else has started it"


def test_a_restart_that_nothing_was_heard_of_is_awaited_after_the_pause_as_it_was_before() -> None:
    begun, _ = told(beating(), RestartAsked("bob"), 30.0)
    assert begun.attempt is not None
    done, _ = told(begun, RestartFinished(begun.attempt.number, ok=True), 40.0)
    after, _ = told(told(done, ANN, 50.0)[0], Resumed("ann"), 7200.0)
    assert (after.state, after.due) == (HealthState.UNKNOWN, START + 7800)


def test_a_failure_during_a_pause_is_no_miss() -> None:
    after, actions = told(paused(), HeartbeatSeen(Beat(START + 90, BeatKind.FAIL, "ouch")), 90.0)
    assert (after.misses, after.errors, actions) == (0, 1, ())
    assert told(after, Resumed("ann"), 120.0)[0].state is HealthState.UNKNOWN


def test_a_hold_ends_during_a_pause() -> None:
    held, _ = told(paused(), Held(START + 90, "bob"), 70.0)
    assert (held.held_by, held.deadline) == ("bob", START + 90)
    assert told(held, DeadlineReached(), 80.0)[0] is held
    free, _ = told(held, DeadlineReached(), 90.0)
    assert (free.held_until, free.held_by, free.pause) == (None, "", Pause("ann"))


def test_the_words_of_a_pause() -> None:
    assert Pause("ann").words == "paused by ann"
    assert Pause("ann", START, "it moves").words == "paused by ann until 2026-05-28 20:26:40 UTC: it moves"
