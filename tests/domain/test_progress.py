"""Work that does not move: a nudge, then a miss."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain import health
from supervisor.domain.actions import Cause, OpenIncident, Severity
from supervisor.domain.events import (
    Beat,
    BeatKind,
    DeadlineReached,
    HeartbeatSeen,
    Registered,
    RestartAsked,
    RestartFinished,
)
from supervisor.domain.health import Health
from supervisor.domain.policy import Policy
from supervisor.domain.progress import IDLE
from tests.support.playbook import Play, Said, beat, done, failed, play, policy
from tests.support.stage import START


def work(seq: int | None = 7, pending: int | None = 5, **keys: Any) -> Said:
    """Return a heartbeat that tells of work."""
    return beat(progress_seq=seq, pending=pending, **keys)


def busy(**changes: Any) -> Play:
    """Begin with an agent that has work; it is nudged after 30 min, and a miss follows 15 min later."""
    return play(policy(**{"progress_timeout": "30m", **changes})).at("0s", work()).expect()


def flat(scene: Play, until: int, *, since: int = 0, **keys: Any) -> Play:
    """Beat every five minutes, without progress."""
    for minute in range(since + 5, until + 1, 5):
        scene.at(f"{minute}m", work(**keys))
    return scene


def test_work_that_does_not_move_is_told_once_and_is_then_a_miss() -> None:
    scene = flat(busy(), 30).expect("30m incident stalled").is_("healthy", misses=0)
    flat(scene, 45, since=30).expect("45m miss 1", "45m restart 1").is_("restarting", misses=1)


def test_it_is_off_by_default() -> None:
    flat(busy(progress_timeout=None), 300).expect().is_("healthy", progress=IDLE)


def test_the_nudge_is_a_warning_that_says_since_when() -> None:
    scene = flat(busy(), 25)
    _, actions = health.handle(scene.health, DeadlineReached(), START + 1800, scene.policy, name="agent")
    assert actions == (
        OpenIncident(Cause.STALLED, Severity.WARNING, "no progress since 2026-05-28 20:26:40 UTC, 5 pending"),
    )


def test_progress_ends_it() -> None:
    scene = flat(busy(), 35).expect("30m incident stalled")
    scene.at("40m", work(8)).expect("40m resolved stalled").is_("healthy")
    flat(scene, 65, since=40, seq=8).expect()
    scene.at("70m", work(8)).expect("70m incident stalled")


def test_so_does_work_that_is_done() -> None:
    for last in (work(pending=0), work(None, pending=0), beat("stop")):
        flat(busy(), 35).expect("30m incident stalled").at("40m", last).expect("40m resolved stalled")


def test_a_heartbeat_that_does_not_speak_of_it_changes_nothing() -> None:
    for plain in (beat(), work(None, pending=None), work(pending=None), work(None)):
        scene = busy().at("10m", plain).at("29m", plain).expect().at("30m", plain).expect("30m incident stalled")
        scene.at("40m", plain).expect().at("45m").expect("45m miss 1", "45m restart 1")


def test_the_end_of_a_run_leaves_no_work_unless_it_says_so() -> None:
    scene = play(policy(progress_timeout="30m")).at("0s", beat("start")).at("1m", work(kind="start"))
    scene.at("10m", beat()).at("50m").expect().is_("healthy", progress=IDLE)
    scene = play(policy(progress_timeout="30m")).at("0s", beat("start")).at("1m", work())
    scene.at("31m").expect("31m incident stalled")


def test_a_new_life_that_does_not_speak_of_it_is_not_judged_by_the_work_of_the_old_one() -> None:
    scene = busy().at("0s", work(life="1")).at("20m", beat(life="2")).at("50m").expect()
    scene.at("51m", work(life="2")).at("80m", beat(life="2")).expect().at("81m").expect("81m incident stalled")


def test_what_was_read_together_is_heard_one_after_another() -> None:
    scene = busy()
    for minute in range(10, 60, 10):
        now = START + minute * 60
        moved = Beat(now - 1, progress_seq=10 + minute, pending=5, fingerprint=f"moved {minute}")
        scene.at(f"{minute}m", HeartbeatSeen(Beat(now, fingerprint=f"plain {minute}"), (moved,)))
    old = Beat(START + 60, progress_seq=1, pending=5, fingerprint="old")
    scene.at("51m", HeartbeatSeen(Beat(START + 51 * 60, fingerprint="plain"), (old,)))
    scene.expect().at("79m").expect().at("79m59s").expect("79m59s incident stalled")


def test_the_time_without_work_does_not_count() -> None:
    scene = busy().at("20m", work(pending=0)).at("40m", work())
    flat(scene, 65, since=40).expect().at("70m", work()).expect("70m incident stalled")


def test_more_work_is_no_progress() -> None:
    scene = busy().at("10m", work(pending=9)).at("30m").expect("30m incident stalled")
    assert scene.health.progress.pending == 9


def test_heartbeats_without_progress_end_no_miss() -> None:
    scene = flat(busy(restart=None), 60).expect(
        "30m incident stalled", "45m miss 1", "45m refused no_restarter", "60m miss 2", "60m incident",
        "60m refused no_restarter",
    )  # fmt: skip
    scene.is_("escalated", reason="no progress since 2026-05-28 20:26:40 UTC, 5 pending")
    scene.at("61m", work(8)).expect("61m resolved", "61m resolved stalled").is_(
        "healthy", misses=0, reason="its work moves again, or waits no more"
    )


def test_silence_is_told_as_silence() -> None:
    scene = flat(busy(restart=None, heartbeat_timeout="10m"), 45)
    scene.at("60m").is_("escalated", reason="no heartbeat for 15 min")


def test_silence_is_judged_before_progress_and_the_time_begins_anew_after_it() -> None:
    scene = play(policy(None, progress_timeout="2h")).at("0s", work())
    scene.at("130m").is_("escalated", misses=5).at("130m", work()).is_("healthy")
    scene.expect(
        "60m miss 1", "60m refused no_restarter", "75m miss 2", "75m incident", "75m refused no_restarter",
        "90m miss 3", "90m refused no_restarter", "105m miss 4", "105m refused no_restarter", "120m miss 5",
        "120m refused no_restarter", "130m resolved",
    )  # fmt: skip
    flat(scene, 245, since=130).expect().at("250m", work()).expect("250m incident stalled")


def test_a_restart_gives_time_to_move_and_what_was_told_is_not_told_again() -> None:
    scene = flat(busy(), 45).expect("30m incident stalled", "45m miss 1", "45m restart 1")
    scene.at("46m", done(1)).at("50m", work()).is_("healthy", misses=0)
    flat(scene, 75, since=50).expect()
    scene.at("80m", work()).expect("80m miss 1", "80m restart 2")


def test_a_new_life_has_its_time_too() -> None:
    scene = busy().at("25m", work(life="1")).at("26m", work(life="2"))
    scene.at("55m").expect().at("56m").expect("56m incident stalled")


def test_a_restart_that_failed_changes_nothing() -> None:
    scene = flat(busy(), 45).expect("30m incident stalled", "45m miss 1", "45m restart 1")
    scene.at("46m", failed(1)).at("47m", work()).is_("restarting", misses=1)
    flat(scene, 60, since=45).at("61m").expect("61m miss 2", "61m incident", "61m restart 2").is_("escalated")


def test_a_persons_restart_is_no_time_to_judge() -> None:
    scene = busy().at("29m", RestartAsked("ann")).at("31m", done(1)).expect("29m restart 1")
    scene.at("32m", work()).at("61m").expect().at("62m").expect("62m incident stalled")


def test_the_gate_and_a_sleeping_machine_give_the_time_back() -> None:
    busy().sleep("25m").at("30m", work()).at("54m", work()).expect().at("55m").expect("55m incident stalled")
    scene = busy().shut().at("31m").expect()
    scene.at("32m", work(8)).open().expect()


def test_the_clock_is_set() -> None:
    scene = busy().at("10m", work()).step_clock("-3h")
    scene.at("29m", work()).expect().at("30m", work()).expect("30m incident stalled")


def test_new_promises() -> None:
    slow, off = policy(progress_timeout="1h"), policy()
    scene = flat(busy(), 25).promise(slow)
    flat(scene, 55, since=25).expect().at("60m", work()).expect("60m incident stalled")
    scene.promise(slow).expect().promise(off).expect("60m resolved stalled")
    flat(scene, 90, since=60).promise(slow).expect().is_("healthy", progress=IDLE)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3600),
            st.sampled_from([0, 1, None]),
            st.integers(0, 2),
            st.sampled_from(BeatKind),
            st.sampled_from(["1", "2", "3"]),
            st.booleans(),
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_whatever_happens_nobody_is_told_twice_and_nothing_moving_is_ever_told_of(
    said: list[tuple[int, int | None, int, BeatKind, str, bool]], restartable: bool
) -> None:
    promises = policy(progress_timeout=1800.0) if restartable else policy(None, progress_timeout=1800.0)
    world = _World(promises)
    for wait, pending, seq, kind, life, ok in said:
        world.wait(wait)
        world.finish(ok=ok)
        world.tell(
            HeartbeatSeen(
                Beat(world.now, kind, f"{world.now} {kind} {life} {seq}", incarnation=life, progress_seq=seq,
                     pending=pending)
            )
        )  # fmt: skip
        if pending == 0 and world.heard(kind):
            assert not world.open
    assert (Cause.STALLED in world.health.causes) is world.open


class _World:
    """An agent under the law, and whether its nudge is out."""

    def __init__(self, promises: Policy) -> None:
        self.promises = promises
        self.now = START
        self.health = Health()
        self.open = False
        self.tell(Registered())

    def wait(self, seconds: int) -> None:
        until = self.now + seconds
        while (at := self.health.deadline) is not None and at <= until:
            self.now = max(self.now, at)
            self.tell(DeadlineReached())
        self.now = until

    def finish(self, *, ok: bool) -> None:
        if self.health.attempt is not None and self.health.restarting:
            self.tell(RestartFinished(self.health.attempt.number, ok, "" if ok else "exit code 1"))

    def heard(self, kind: BeatKind) -> bool:
        return self.health.beat is not None and self.health.beat.at == self.now and kind is not BeatKind.LOG

    def tell(self, event: Any) -> None:
        known = self.health
        self.health, actions = health.handle(known, event, self.now, self.promises, name="agent")
        for action in actions:
            cause = getattr(action, "cause", None)
            if cause is Cause.STALLED:
                begins = isinstance(action, OpenIncident)
                assert begins is not self.open
                self.open = begins
                work = known.progress
                assert not begins or (work.since is not None and self.now >= work.since + 1800.0 and work.pending)
