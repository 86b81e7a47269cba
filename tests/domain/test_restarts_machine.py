"""The law of restarts under any sequence of tries: the intensity is never exceeded in any window."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from supervisor.domain import restarts
from supervisor.domain.policy import OnExhausted, RestartPolicy
from supervisor.domain.restarts import Exhausted, History, Later, Now
from tests.support.stage import START

laws = st.builds(
    RestartPolicy,
    max_restarts=st.integers(1, 5),
    window=st.integers(1, 1000).map(float),
    backoff=st.integers(0, 100).map(float),
    backoff_max=st.integers(0, 300).map(float),
    jitter=st.sampled_from([0.0, 0.2, 1.0]),
    on_exhausted=st.sampled_from(OnExhausted),
    slow_interval=st.integers(1, 500).map(float),
)


class RestartsMachine(RuleBasedStateMachine):
    """Tries as often as it can, and keeps its own books of what was allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.law = RestartPolicy()
        self.history = History()
        self.begun: list[float] = []
        self.slow: list[float] = []
        self.total = 0

    @initialize(law=laws)
    def begin(self, law: RestartPolicy) -> None:
        self.law = law

    @rule(seconds=st.integers(0, 50) | st.integers(0, 2000), lasts=st.integers(0, 30))
    def try_to_restart(self, seconds: int, lasts: int) -> None:
        self.now += seconds
        verdict = restarts.judge(self.history, self.now, self.law, "agent")
        assert verdict == restarts.judge(self.history, self.now, self.law, "agent")
        if isinstance(verdict, Now):
            self.restart(lasts)
        elif verdict.at is not None:
            assert verdict.at > self.now
            self.wait_for(verdict)

    def wait_for(self, verdict: Later | Exhausted) -> None:
        """What is named as the next time is one: then a restart may start, or another reason is given."""
        assert verdict.at is not None
        then = restarts.judge(self.history, verdict.at, self.law, "agent")
        assert isinstance(then, Now | Later) or (then.at is None or then.at > verdict.at)
        if isinstance(verdict, Later):
            assert not isinstance(then, Later)

    def restart(self, lasts: int) -> None:
        recent = [at for at in self.begun + self.slow if at > self.now - self.law.window]
        if len(recent) < self.law.max_restarts:
            self.begun.append(self.now)
        else:
            assert self.law.on_exhausted is OnExhausted.SLOW
            assert self.now - max(recent) >= self.law.slow_interval
            self.slow.append(self.now)
        self.history = restarts.started(self.history, self.now, self.law)
        self.now += lasts
        self.history = restarts.ended(self.history, self.now)
        self.total += 1

    @rule()
    def ask(self) -> None:
        before = self.history
        self.history = restarts.uncounted(before)
        assert (self.history.started, self.history.in_a_row) == (before.started, before.in_a_row)
        self.total += 1

    @rule()
    def calm(self) -> None:
        self.history = restarts.calmed(self.history)

    @rule(seconds=st.integers(-5000, 5000))
    def set_clock(self, seconds: int) -> None:
        verdict = restarts.judge(self.history, self.now, self.law, "agent")
        self.now += seconds
        self.begun = [at + seconds for at in self.begun]
        self.slow = [at + seconds for at in self.slow]
        self.history = restarts.shifted(self.history, seconds)
        assert type(restarts.judge(self.history, self.now, self.law, "agent")) is type(verdict)

    @invariant()
    def the_intensity_is_never_exceeded_in_any_window(self) -> None:
        for end in self.begun:
            within = [at for at in self.begun if end - self.law.window < at <= end]
            assert len(within) <= self.law.max_restarts

    @invariant()
    def every_attempt_has_its_number(self) -> None:
        assert self.history.total == self.total


TestRestartsMachine = RestartsMachine.TestCase
TestRestartsMachine.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
