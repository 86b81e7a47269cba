"""Health under anything that can happen, in any order: what must hold always."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervisor.domain import health
from supervisor.domain.actions import (
    Cause,
    HealthAction,
    Missed,
    OpenIncident,
    Refusal,
    ResolveIncident,
    Restart,
    RestartRefused,
)
from supervisor.domain.events import (
    Beat,
    BeatKind,
    CheckAsked,
    ClockStepped,
    DeadlineReached,
    FilesSeen,
    HealthEvent,
    HeartbeatSeen,
    Held,
    ParentWell,
    Paused,
    Phase,
    PolicyChanged,
    ProcessExited,
    Registered,
    Released,
    RestartAsked,
    RestartFinished,
    Resumed,
    StartAsked,
    TimeLost,
)
from supervisor.domain.health import Health, HealthState
from supervisor.domain.policy import Expectation, OnExhausted, Policy, RestartPolicy
from tests.support.playbook import every
from tests.support.stage import START

HALF_A_DAY = 43200
NEVER = float("-inf")
CALM = {HealthState.UNKNOWN, HealthState.HEALTHY, HealthState.STOPPED}

LATELY = Expectation("/a", 600.0)

laws = st.builds(
    RestartPolicy,
    max_restarts=st.integers(1, 3),
    window=st.sampled_from([600.0, 7200.0]),
    backoff=st.sampled_from([0.0, 10.0]),
    jitter=st.sampled_from([0.0, 0.2]),
    reset_after=st.sampled_from([60.0, 7200.0]),
    on_exhausted=st.sampled_from(OnExhausted),
    slow_interval=st.sampled_from([30.0, 1800.0]),
)
promises = st.builds(
    Policy,
    heartbeat_timeout=st.sampled_from([60.0, 3600.0]),
    check_interval=st.sampled_from([5.0, 900.0]),
    start_period=st.sampled_from([5.0, 900.0]),
    restart_after=st.integers(1, 3),
    escalate_after=st.integers(1, 3),
    busy_limit=st.sampled_from([0.0, 1800.0]),
    critical_limit=st.sampled_from([0.0, 300.0]),
    progress_timeout=st.sampled_from([None, 600.0]),
    max_tokens_per_hour=st.sampled_from([None, 200.0]),
    schedule=st.sampled_from([None, None, every("20m", "5m"), every("1h", "0s")]),
    max_runtime=st.sampled_from([None, 600.0, 7200.0]),
    activity=st.sampled_from([(), ("/a", "/c")]),
    loop_after=st.sampled_from([None, 4]),
    expects=st.sampled_from([(), (), (LATELY,), (LATELY, Expectation("/b", 3600.0))]),
)
lengths = st.integers(0, 400) | st.integers(0, HALF_A_DAY)


def is_stuck(known: Health) -> bool:
    """Whether the agent lives and is known not to get on."""
    return any(still.stuck for _, still in known.standstills)


class HealthMachine(RuleBasedStateMachine):
    """An agent, its files, and the supervisor's clock, gate and restarter around the machine under test.

    The agent lives one life after another; a restart swaps them at some moment between its beginning and its end, or
    fails and leaves the old one. What a life says is read at any later time, in any order, any number of times.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.trusted = True
        self.parent = ""
        self.health = Health()
        self.policy = Policy()
        self.named = True
        self.life = 0
        self.files: dict[str, float | None] = {"/a": None, "/b": None}
        self.put_off = NEVER
        self.swapped = False
        self.said: list[Beat] = []
        self.newest_read = NEVER
        self.proof = NEVER
        self.proven_by = BeatKind.OK
        self.running: int | None = None
        self.automatic: list[float] = []
        self.open: set[Cause] = set()

    @initialize(policy=promises, law=st.none() | laws, named=st.booleans())
    def begin(self, policy: Policy, law: RestartPolicy | None, named: bool) -> None:
        self.policy = replace(policy, restart=law)
        self.named = named
        self.tell(Registered())

    # --- what happens ---

    @rule(seconds=lengths)
    def wait(self, seconds: int) -> None:
        until = self.now + seconds
        for _ in range(100_000):
            at = self.health.deadline
            if at is None or at > until or not self.trusted:
                break
            self.now = max(self.now, at)
            before = self.health
            actions = self.tell(DeadlineReached())
            assert actions or self.moved(before), "the machine spins"
        else:
            raise AssertionError("the machine never rests")
        self.now = until

    @rule(
        kind=st.sampled_from(BeatKind),
        phase=st.sampled_from([None, Phase.CRITICAL]),
        busy=st.none() | st.integers(0, HALF_A_DAY),
        work=st.sampled_from([None, 1, 2]),
        tokens=st.integers(0, 400),
        message=st.sampled_from([None, "a", "b"]),
        at_once=st.booleans(),
    )
    def say(
        self,
        kind: BeatKind,
        phase: Phase | None,
        busy: int | None,
        work: int | None,
        tokens: int,
        message: str | None,
        at_once: bool,
    ) -> None:
        beat = Beat(
            self.now,
            kind=kind,
            incarnation=str(self.life) if self.named else None,
            fingerprint=f"{self.life} {len(self.said)} {self.now}",
            phase=phase,
            busy_until=None if busy is None else self.now + busy,
            pid=self.life,
            progress_seq=work,
            pending=work,
            tokens=tokens,
            message=message,
        )
        self.said.append(beat)
        if at_once:
            self.read(beat)

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def read_anything(self, data: Any) -> None:
        self.read(data.draw(st.sampled_from(self.said[-8:])))

    @precondition(lambda self: self.said)
    @rule()
    def read_everything(self) -> None:
        for beat in self.said:
            self.read(beat)

    @precondition(lambda self: self.health.beat is not None)
    @rule(ago=st.integers(0, 99))
    def read_the_known_again(self, ago: int) -> None:
        assert self.health.beat is not None
        if not self.health.restarting:
            self.unchanged(HeartbeatSeen(replace(self.health.beat, at=self.now - ago)))

    @rule()
    def wake_early_or_twice(self) -> None:
        at = self.health.deadline
        if at is None or at > self.now:
            self.unchanged(DeadlineReached())

    @precondition(lambda self: self.running is not None)
    @rule()
    def swap_lives(self) -> None:
        if not self.swapped:
            self.life += 1
            self.swapped = True

    @precondition(lambda self: self.running is not None)
    @rule(ok=st.booleans(), seconds=st.integers(0, 30))
    def finish_restart(self, ok: bool, seconds: int) -> None:
        if ok:
            self.swap_lives()
        self.now += seconds
        assert self.running is not None
        event = RestartFinished(self.running, ok, "" if ok else "exit code 1")
        self.running = None
        self.tell(event)
        self.unchanged(event)

    @rule(number=st.integers(-1, 9))
    def finish_some_other_restart(self, number: int) -> None:
        if number != self.running:
            self.unchanged(RestartFinished(number, ok=True))

    @precondition(lambda self: self.running is None)
    @rule(code=st.none() | st.integers(-9, 9))
    def die(self, code: int | None) -> None:
        self.proof = NEVER
        self.tell(ProcessExited(code))

    @precondition(lambda self: self.running is not None)
    @rule()
    def die_during_the_restart(self) -> None:
        self.unchanged(ProcessExited(0))

    @rule(event=st.sampled_from([CheckAsked(), RestartAsked("ann"), Released("ann"), StartAsked()]))
    def ask(self, event: HealthEvent) -> None:
        self.tell(event)

    @rule(seconds=st.integers(0, 3000))
    def hold(self, seconds: int) -> None:
        self.tell(Held(self.now + seconds, "ann"))

    @rule(seconds=st.none() | st.integers(0, HALF_A_DAY))
    def pause(self, seconds: int | None) -> None:
        self.tell(Paused(None if seconds is None else self.now + seconds, "ann", "it moves"))
        assert not self.open

    @precondition(lambda self: self.health.pause is not None)
    @rule()
    def resume(self) -> None:
        self.tell(Resumed("ann"))

    @rule()
    def resume_what_is_not_paused(self) -> None:
        if self.health.pause is None:
            self.unchanged(Resumed("ann"))

    @rule(path=st.sampled_from(["/a", "/b"]), ago=lengths, there=st.booleans())
    def write(self, path: str, ago: int, there: bool) -> None:
        self.files[path] = self.now - ago if there else None

    @rule()
    def look_at_files(self) -> None:
        self.tell(FilesSeen(dict(self.files)))

    @rule()
    def turn_gate(self) -> None:
        self.trusted = not self.trusted
        if self.trusted:
            self.tell(DeadlineReached())

    @rule()
    def turn_parent(self) -> None:
        if self.parent:
            self.parent = ""
            self.tell(ParentWell("database"))
        else:
            self.parent = "database"

    @rule(policy=promises)
    def promise(self, policy: Policy) -> None:
        self.policy = replace(policy, restart=self.policy.restart)
        if self.health.misses:
            self.proof = NEVER  # what was missed by the old promise stays missed
        self.tell(PolicyChanged())

    @rule(seconds=st.integers(1, HALF_A_DAY))
    def sleep(self, seconds: int) -> None:
        self.now += seconds
        before = self.health
        self.tell(TimeLost(seconds))
        if before.due is not None and self.policy.schedule is None:
            assert self.health.due == before.due + seconds
        elif before.due is not None:
            assert self.health.due is not None
            assert self.health.due >= before.due

    @rule(seconds=st.integers(-HALF_A_DAY, HALF_A_DAY))
    def set_clock(self, seconds: int) -> None:
        before = self.health
        self.now += seconds
        self.automatic = [at + seconds for at in self.automatic]
        self.said.clear()
        self.newest_read += seconds
        self.proof += seconds
        self.put_off += seconds
        self.tell(ClockStepped(seconds))
        back, _ = health.handle(self.health, ClockStepped(-seconds), self.now, self.policy, name="agent")
        if self.policy.schedule is None:
            assert replace(back, skipped=before.skipped) == before

    # --- how it is told ---

    def read(self, beat: Beat) -> None:
        before = self.health
        counts = beat.kind in {BeatKind.OK, BeatKind.START} and beat.at >= self.newest_read and self.is_living(beat)
        fresh = self.proves_until(beat.at, beat.kind) >= self.now
        if beat.kind is not BeatKind.LOG:
            self.newest_read = max(self.newest_read, beat.at)
            if beat.kind is not BeatKind.OK:
                self.proof = NEVER
        self.tell(HeartbeatSeen(beat))
        known = before.beat is not None and before.beat.fingerprint == beat.fingerprint
        if counts and not known and before.pause is None:
            if beat.at >= self.proof:
                self.proof, self.proven_by = beat.at, beat.kind
            if fresh and not before.restarting:
                # The living is never starved, whatever was said before, unless its work is known to stand still.
                assert self.health.beat is beat
                assert self.health.due is not None
                if is_stuck(self.health):
                    assert is_stuck(before)
                    assert (self.health.state, self.health.misses) == (before.state, before.misses)
                elif self.health.retried:
                    # A run has begun, and only its good end is proof.
                    assert (beat.kind, self.health.misses > 0) == (BeatKind.START, True)
                    assert (self.health.state, self.health.misses) == (before.state, before.misses)
                    assert self.health.due >= self.proves_until(beat.at, beat.kind)
                else:
                    assert (self.health.state, self.health.misses) == (HealthState.HEALTHY, 0)
                    assert self.health.due >= self.proves_until(beat.at, beat.kind)
        if beat.kind is BeatKind.LOG:
            assert self.health is before

    def proves_until(self, at: float, kind: BeatKind) -> float:
        """Return until when nothing more need be heard after a heartbeat, by the promises as they are."""
        if kind is BeatKind.START and self.policy.max_runtime is not None:
            return (self.health.run_at or at) + self.policy.max_runtime
        if self.policy.schedule is not None:
            return self.policy.schedule.after(at) + self.policy.schedule.grace
        return at + self.policy.heartbeat_timeout

    def is_living(self, beat: Beat) -> bool:
        """Whether the life that said it runs still, and said it when no restart was about to end it."""
        attempt = self.health.attempt
        if beat.pid != self.life or (self.running is not None and not self.swapped):
            return False
        return self.swapped or attempt is None or attempt.ended is None or beat.at > attempt.ended

    def unchanged(self, event: HealthEvent) -> None:
        before = self.health
        assert self.tell(event) == ()
        assert self.health == before

    def tell(self, event: HealthEvent) -> tuple[HealthAction, ...]:
        known = self.health.postcondition
        if isinstance(event, DeadlineReached) and known.due is not None and known.due <= self.now:
            return self.hear(FilesSeen(dict(self.files))) + self.hear(event)
        return self.hear(event)

    def moved(self, before: Health) -> bool:
        """Whether a wake-up has come to something: at one moment a pause and what is due after it may end."""
        return self.health.deadline != before.deadline or self.health.pause != before.pause

    def hear(self, event: HealthEvent) -> tuple[HealthAction, ...]:
        before = self.health
        self.health, actions = health.handle(
            before, event, self.now, self.policy, name="agent", trusted=self.trusted, parent=self.parent
        )
        if self.health.state in CALM:
            self.put_off = NEVER
        if before.pause is not None or isinstance(event, Paused):
            self.check_pause(event, actions)
        else:
            self.check_misses(before, event, actions)
        for action in actions:
            if isinstance(action, Restart):
                self.check_restart(before, event, action)
            elif isinstance(action, RestartRefused):
                assert action.until is None or action.until >= self.now
                self.check_refusal(action)
            elif isinstance(action, OpenIncident):
                assert not self.parent or action.cause is Cause.BURN
                assert action.cause not in self.open
                self.open.add(action.cause)
            elif isinstance(action, ResolveIncident):
                self.open.remove(action.cause)
        return actions

    def check_pause(self, event: HealthEvent, actions: tuple[HealthAction, ...]) -> None:
        """Nothing is done about a paused agent, and at the end of the pause it has time to beat."""
        self.proof = NEVER
        if isinstance(event, Paused):
            assert {action.cause for action in actions if isinstance(action, ResolveIncident)} == self.open
            assert all(isinstance(action, ResolveIncident) for action in actions)
            return
        assert (
            all(isinstance(action, RestartRefused) for action in actions) is isinstance(event, RestartAsked)
            or not actions
        )
        after = self.health
        if after.pause is not None:
            over = after.pause.until is not None and after.pause.until <= self.now
            assert not (isinstance(event, DeadlineReached) and over)
            assert after.reason.startswith("paused by ann")
            return
        assert isinstance(event, Resumed | DeadlineReached)
        stopped = after.beat is not None and after.beat.kind is BeatKind.STOP
        if not after.restarting and not stopped:
            assert after.due is not None
            schedule = self.policy.schedule
            if after.gone:
                assert after.due == self.now
            elif schedule is None:
                assert after.due >= self.now + self.policy.start_period
            elif after.run_at is None or self.policy.max_runtime is None:
                # The first run that can still happen, and none that fell into the pause.
                assert after.due >= schedule.after(self.now) + schedule.grace
            again, _ = health.handle(after, PolicyChanged(), self.now, self.policy, name="agent")
            assert again.due == after.due or after.state is not HealthState.UNKNOWN, "a reload takes its time away"

    def check_refusal(self, action: RestartRefused) -> None:
        """What an agent writes never puts a restart off for longer than it may, in one silence."""
        if action.reason is Refusal.ACTIVITY:
            assert not self.health.gone
            self.put_off = self.now if self.put_off == NEVER else self.put_off
            assert action.until is not None
            assert self.now < action.until <= self.put_off + self.policy.activity_limit

    def check_misses(self, before: Health, event: HealthEvent, actions: tuple[HealthAction, ...]) -> None:
        missed = [action for action in actions if isinstance(action, Missed)]
        assert len(missed) <= 1
        if missed:
            assert missed[0].count == self.health.misses
            assert self.health.misses == before.misses + 1 or isinstance(event, CheckAsked)
        elif isinstance(event, ParentWell) and self.health.misses != before.misses:
            assert (self.health.misses, self.health.incident, self.parent) == (0, False, "")
        elif self.health.misses != before.misses:
            assert isinstance(event, HeartbeatSeen | RestartFinished | FilesSeen)
            assert self.health.state in CALM
            assert self.health.misses == 0
        if missed and isinstance(event, DeadlineReached):
            assert self.trusted
            if is_stuck(self.health):
                assert any(still.nudged for _, still in before.standstills)
                self.proof = NEVER  # it beats, and that is not enough
                return
            assert before.due is not None
            assert before.due <= self.now
            # No heartbeat is ever counted as silence.
            assert self.proof == NEVER or self.proves_until(self.proof, self.proven_by) <= self.now
        elif missed:
            self.proof = NEVER

    def check_restart(self, before: Health, event: HealthEvent, action: Restart) -> None:
        assert self.running is None
        assert not before.restarting or isinstance(event, RestartFinished)
        assert self.policy.restart is not None
        assert not self.parent or isinstance(event, RestartAsked | StartAsked)
        assert not self.health.flapping.on or isinstance(event, RestartAsked | StartAsked)
        self.running = action.attempt
        self.swapped = False
        self.proof = NEVER
        if isinstance(event, RestartAsked | StartAsked):
            assert action.first is isinstance(event, StartAsked)
            return
        assert self.trusted
        assert before.held_until is None or before.held_until <= self.now or isinstance(event, Released)
        law = self.policy.restart
        recent = [at for at in self.automatic if at > self.now - law.window]
        if len(recent) >= law.max_restarts:
            assert law.on_exhausted is OnExhausted.SLOW
            assert self.now - recent[-1] >= law.slow_interval
        self.automatic.append(self.now)

    # --- what holds always ---

    @invariant()
    def one_restart_at_a_time(self) -> None:
        assert self.health.restarting is (self.running is not None)
        if self.health.restarting:
            assert (self.health.due, self.health.restart_at) == (None, None)

    @invariant()
    def nobody_is_forgotten(self) -> None:
        assert self.health.state is HealthState.STOPPED or self.health.restarting or self.health.due is not None

    @invariant()
    def the_deadline_is_never_over_for_long(self) -> None:
        at = self.health.deadline
        if self.trusted and at is not None and at < self.now:
            before = self.health
            actions = self.tell(DeadlineReached())
            assert actions or self.moved(before)

    @invariant()
    def the_incident_is_that_of_the_state(self) -> None:
        assert self.health.causes == self.open
        told = self.open & {Cause.HEARTBEAT, Cause.FLAPPING}
        assert (self.health.state is HealthState.ESCALATED) <= bool(told)

    @invariant()
    def a_calm_agent_has_nothing_left_of_its_silence(self) -> None:
        if self.health.state in CALM:
            known = self.health
            assert (known.misses, known.incident, known.exhausted) == (0, False, False)
            assert known.restart_at is None

    @invariant()
    def what_is_kept_is_bounded(self) -> None:
        assert len(self.health.retired) <= 8
        assert len(self.health.loop.works) <= (self.policy.loop_after or 0)
        assert self.health.history.total >= self.health.history.starts


TestHealthMachine = HealthMachine.TestCase
TestHealthMachine.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
