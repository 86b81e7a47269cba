"""What must hold of an agent's health always, whatever happens around it."""

from __future__ import annotations

from hypothesis.stateful import RuleBasedStateMachine, invariant

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
    DeadlineReached,
    FilesSeen,
    HealthEvent,
    HeartbeatSeen,
    ParentWell,
    Paused,
    PolicyChanged,
    Released,
    RestartAsked,
    RestartFinished,
    Resumed,
    StartAsked,
)
from supervisor.domain.health import Health, HealthState
from supervisor.domain.policy import OnExhausted, Policy
from tests.support.stage import START

NEVER = float("-inf")
CALM = {HealthState.UNKNOWN, HealthState.HEALTHY, HealthState.STOPPED}


def is_stuck(known: Health) -> bool:
    """Whether the agent lives and is known not to get on."""
    return any(still.stuck for _, still in known.standstills)


class HealthLaws(RuleBasedStateMachine):
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
