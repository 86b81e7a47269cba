"""Incidents and their deliveries under anything that can happen: what people hear of, and what they never do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervisor.domain import delivery, escalation
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivered, Delivery, DeliveryState, Failed, NoticeKind
from supervisor.domain.escalation import (
    Acknowledged,
    ChannelFailed,
    ChannelTook,
    IncidentEvent,
    IncidentState,
    Resolved,
    Silenced,
    Tell,
    Worsened,
)
from supervisor.domain.events import ClockStepped, DeadlineReached
from supervisor.domain.policy import Chain, Step
from tests.support.stage import START

CHANNELS = ("caine", "ann", "bob")
DAY = 86400


@st.composite
def chains(draw: st.DrawFn, least: int = 0) -> Chain:
    """Return a chain as the configuration allows it: the steps in order of their delays."""
    delays = sorted(draw(st.lists(st.integers(0, 1200), min_size=least, max_size=4)))
    steps = tuple(Step(draw(st.sampled_from(CHANNELS)), float(delay)) for delay in delays)
    return Chain(steps, draw(st.integers(0, 3)), float(draw(st.integers(1, 20000))))


class EscalationMachine(RuleBasedStateMachine):
    """One incident, and an outbox that sends its notices through channels that take, fail, refuse, or die halfway."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.chain = Chain()
        self.silenced_until: float | None = None
        self.outbox: dict[int, Delivery] = {}
        self.ends: Counter[str] = Counter()
        self.heard: set[str] = set()
        self.resolved = False
        self.acked = False

    @initialize(chain=chains(), severity=st.sampled_from(Severity), silence=st.none() | st.integers(1, DAY))
    def begin(self, chain: Chain, severity: Severity, silence: int | None) -> None:
        self.chain = chain
        self.silenced_until = None if silence is None else self.now + silence
        self.incident, tells = escalation.open_incident(
            "agent:heartbeat", severity, "silent", self.now, chain, silenced_until=self.silenced_until
        )
        self.send(tells)

    # --- what happens ---

    @rule(seconds=st.integers(0, 1500) | st.integers(0, DAY))
    def wait(self, seconds: int) -> None:
        until = self.now + seconds
        for _ in range(2 * DAY):
            at = self.incident.next_at
            if at is None or at > until:
                break
            self.now = max(self.now, at)
            self.tell(DeadlineReached())
            assert self.incident.next_at != at, "the machine spins"
        self.now = until

    @rule(seconds=st.integers(0, 30 * DAY))
    def be_away(self, seconds: int) -> None:
        self.now += seconds
        self.tell(DeadlineReached())

    @rule()
    def wake_early_or_twice(self) -> None:
        at = self.incident.next_at
        if at is not None and self.now < at and not (self.incident.silenced and self.silence is None):
            before = self.incident
            self.tell(DeadlineReached())
            assert self.incident == before

    @rule(seconds=st.integers(0, 3000))
    def acknowledge(self, seconds: int) -> None:
        self.tell(Acknowledged("ann", self.now + seconds))
        self.acked = not self.resolved

    @rule(severity=st.sampled_from(Severity))
    def worsen(self, severity: Severity) -> None:
        if severity is Severity.CRITICAL and self.incident.severity is Severity.WARNING:
            self.acked = False
        self.tell(Worsened(severity, "worse"))

    @rule()
    def resolve(self) -> None:
        first = not self.resolved
        self.resolved = True
        for number, waiting in self.outbox.items():
            if first and waiting.state is DeliveryState.PENDING and not waiting.attempts:
                self.outbox[number] = delivery.cancelled(waiting)
        self.tell(Resolved("heartbeat in time"))

    @rule(seconds=st.integers(1, DAY))
    def silence_it(self, seconds: int) -> None:
        self.silenced_until = self.now + seconds

    @rule()
    def take_back(self) -> None:
        if self.silence is not None:
            self.tell(Silenced())
            assert self.incident.silenced or self.resolved

    @rule()
    def end_silence(self) -> None:
        self.silenced_until = None
        if self.incident.silenced:
            self.tell(DeadlineReached())

    @rule(chain=chains())
    def reload(self, chain: Chain) -> None:
        self.chain = chain
        self.tell(DeadlineReached())

    @rule(seconds=st.integers(-DAY, DAY))
    def set_clock(self, seconds: int) -> None:
        self.now += seconds
        if self.silenced_until is not None:
            self.silenced_until += seconds
        before = self.incident
        self.tell(ClockStepped(seconds))
        for number, waiting in self.outbox.items():
            self.outbox[number] = replace(waiting, next_at=waiting.next_at + seconds)
        back, _ = escalation.handle(self.incident, ClockStepped(-seconds), self.now, self.chain)
        assert back == before

    @precondition(lambda self: self.pending())
    @rule(
        data=st.data(),
        outcome=st.sampled_from(
            [
                Delivered(),
                Failed("no route"),
                Failed("busy", retry_after=900.0),
                Failed("refused", permanent=True),
                None,
            ]
        ),
    )
    def try_to_send(self, data: Any, outcome: Delivered | Failed | None) -> None:
        """Send one notice; None: the supervisor dies with the try under way, and tries again in its next life."""
        number = data.draw(st.sampled_from(self.pending()))
        self.now = max(self.now, self.outbox[number].next_at)
        begun = self.outbox[number] = delivery.begun(self.outbox[number], self.now)
        assert begun.next_at > self.now
        if outcome is not None:
            self.settle(number, begun, outcome)

    # --- how it is told ---

    def settle(self, number: int, begun: Delivery, outcome: Delivered | Failed) -> None:
        after = self.outbox[number] = delivery.settle(begun, outcome, self.now)
        about_the_end = after.kind is NoticeKind.RESOLVED
        if isinstance(outcome, Delivered):
            assert after.state is DeliveryState.SENT
            if not about_the_end:
                self.heard.add(after.channel)
                self.tell(ChannelTook(after.channel))
            return
        if outcome.permanent:
            assert after.state is DeliveryState.REFUSED
        else:
            assert self.now < after.next_at <= self.now + max(delivery.RETRY_DELAYS[-1], outcome.retry_after or 0.0)
        if self.resolved and not about_the_end:
            self.outbox[number] = delivery.cancelled(after)
        if (outcome.permanent or delivery.exhausted(after)) and not about_the_end:
            self.tell(ChannelFailed(after.channel))

    def pending(self) -> list[int]:
        return [number for number, one in self.outbox.items() if one.state is DeliveryState.PENDING]

    @property
    def silence(self) -> float | None:
        """Until when it is silenced now."""
        return self.silenced_until if self.silenced_until is not None and self.now < self.silenced_until else None

    def tell(self, event: IncidentEvent) -> None:
        before = self.incident
        self.incident, tells = escalation.handle(before, event, self.now, self.chain, silenced_until=self.silence)
        channels = [tell.channel for tell in tells]
        assert len(channels) == len(set(channels)), "a burst"
        for tell in tells:
            if tell.kind is NoticeKind.RESOLVED:
                assert self.resolved
                assert tell.channel in self.incident.told
                self.ends[tell.channel] += 1
                continue
            assert not self.resolved
            assert self.silence is None
            assert before.acked_until is None or before.acked_until <= self.now or isinstance(event, Worsened)
            assert tell.channel in {step.channel for step in self.chain.steps}
        if self.acked and (before.acked_until is None or before.acked_until <= self.now):
            self.acked = False
        self.send(tells)

    def send(self, tells: tuple[Tell, ...]) -> None:
        for tell in tells:
            assert tell.number == len(self.outbox) + 1, "a dedup id is used twice, or left out"
            self.outbox[tell.number] = Delivery(
                f"{self.incident.id}.{tell.number}", self.incident.id, tell.channel, tell.kind, {}, self.now, self.now
            )
        assert self.incident.sent == len(self.outbox)

    # --- what holds always ---

    @invariant()
    def every_end_closes_one_beginning(self) -> None:
        assert set(self.ends) == (self.heard if self.resolved else set())
        assert set(self.ends.values()) <= {1}
        assert set(self.incident.told) == self.heard

    @invariant()
    def what_is_over_stays_over(self) -> None:
        assert self.resolved is (self.incident.state is IncidentState.RESOLVED)
        if self.resolved:
            assert (self.incident.next_at, self.incident.acked_until) == (None, None)

    @invariant()
    def nothing_open_goes_unheard_for_ever(self) -> None:
        if self.resolved or (not self.chain.steps and not self.acked):
            return
        at = self.incident.next_at
        assert at is not None
        if self.acked:
            assert self.incident.state is IncidentState.ACKNOWLEDGED
            assert at == self.incident.acked_until
        elif self.incident.silenced:
            assert at <= self.now + DAY
        else:
            assert at <= self.now + 2 * 1200 + 20000

    @invariant()
    def states_and_acks_agree(self) -> None:
        assert (self.incident.state is IncidentState.ACKNOWLEDGED) is (self.incident.acked_until is not None)


TestEscalationMachine = EscalationMachine.TestCase
TestEscalationMachine.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
