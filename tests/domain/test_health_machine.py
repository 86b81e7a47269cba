"""Health under anything that can happen, in any order: what must hold always."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from supervisor.domain import health
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
from supervisor.domain.policy import Expectation, OnExhausted, Policy, RestartPolicy
from tests.support.health_laws import NEVER, HealthLaws
from tests.support.playbook import every

HALF_A_DAY = 43200
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


class HealthMachine(HealthLaws):
    """What may happen, in any order."""

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


TestHealthMachine = HealthMachine.TestCase
TestHealthMachine.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
