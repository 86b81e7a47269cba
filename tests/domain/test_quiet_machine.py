"""Silences, windows of maintenance and the chain together: what fires is heard of, once nothing silences it."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervisor.domain import escalation, silences
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import NoticeKind
from supervisor.domain.escalation import Acknowledged, ChannelTook, Incident, IncidentEvent, Resolved, Tell
from supervisor.domain.events import ClockStepped, DeadlineReached
from supervisor.domain.maintenance import Window, next_opening, opening_at
from supervisor.domain.policy import Chain, Step
from supervisor.domain.silences import Silence, Silences
from tests.support.stage import START

CHAIN = Chain((Step("caine"), Step("ann", 300.0)), max_rounds=1, repeat_interval=3600.0)
KEYS = ("mailer:heartbeat", "payment-watcher:heartbeat", "books:parse")
MATCHERS = ("*", "mailer", "payment-*", "books:*", "*:heartbeat", "mailer books", "nobody")
DAY = 86400


class QuietMachine(RuleBasedStateMachine):
    """Incidents as the desk keeps them: each is woken when it asks for it, and when a silence over it is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.incidents: dict[str, Incident] = {}
        self.kept: dict[str, Silence] = {}
        self.windows: tuple[Window, ...] = ()
        self.told: dict[str, float] = {}
        self.added = 0

    @initialize(period=st.integers(1800, DAY), duration=st.integers(60, DAY), matcher=st.sampled_from(MATCHERS))
    def open_a_window(self, period: int, duration: int, matcher: str) -> None:
        def times(after: float) -> Iterator[float]:
            number = int(after // period) + 1
            while True:
                yield float(number * period)
                number += 1

        self.windows = (Window("w", matcher, "backup", float(duration), "", "UTC", times),)

    # --- what happens ---

    @rule(key=st.sampled_from(KEYS), severity=st.sampled_from(Severity))
    def fire(self, key: str, severity: Severity) -> None:
        if key not in self.incidents:
            made = escalation.open_incident(key, severity, "", self.now, CHAIN, silenced_until=self.until(key))
            self.take(key, made)

    @precondition(lambda self: self.incidents)
    @rule(data=st.data(), event=st.sampled_from([Resolved("over"), ChannelTook("caine"), Acknowledged("ann", 0.0)]))
    def answer(self, data: st.DataObject, event: IncidentEvent) -> None:
        key = data.draw(st.sampled_from(sorted(self.incidents)))
        self.tell(key, Acknowledged("ann", self.now + 1800) if isinstance(event, Acknowledged) else event)
        if isinstance(event, Resolved):
            del self.incidents[key]

    @rule(matcher=st.sampled_from(MATCHERS), begin=st.integers(0, DAY), length=st.integers(1, DAY))
    def silence(self, matcher: str, begin: int, length: int) -> None:
        self.added += 1
        id_ = str(self.added)
        self.kept[id_] = Silence(id_, matcher, "ann", "x", self.now + begin, self.now + begin + length)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def end_silence(self, data: st.DataObject) -> None:
        del self.kept[data.draw(st.sampled_from(sorted(self.kept)))]
        self.free()

    @rule()
    def reload_without_windows(self) -> None:
        self.windows = ()
        self.free()

    @rule(seconds=st.integers(-DAY, DAY))
    def set_clock(self, seconds: int) -> None:
        self.now += seconds
        self.kept = {id_: silences.shifted(one, seconds, self.now) for id_, one in self.kept.items()}
        for key in list(self.incidents):
            self.tell(key, ClockStepped(seconds))
        self.told = {key: at + seconds for key, at in self.told.items()}
        self.free()

    @rule(seconds=st.integers(0, DAY))
    def wait(self, seconds: int) -> None:
        until = self.now + seconds
        for _ in range(100_000):
            wakes = [one.next_at for one in self.incidents.values() if one.next_at is not None]
            turns = [at for at in self.turns() if at > self.now]
            at = min([*wakes, *turns], default=until)
            if at > until:
                break
            self.now = max(self.now, at)
            self.free()
            for key, incident in list(self.incidents.items()):
                if incident.next_at is not None and incident.next_at <= self.now:
                    self.tell(key, DeadlineReached())
                    assert self.incidents[key].next_at != incident.next_at, "it spins"
            if not wakes and not turns:
                break
        else:
            raise AssertionError("it never rests")
        self.now = until

    # --- how it is told ---

    def standing(self) -> tuple[Silence, ...]:
        """Return what people have added, and what the calendar has opened."""
        openings = [(window, opening_at(window, self.now)) for window in self.windows]
        opened = (
            Silence(one.name, one.matcher, "config", one.comment, opening.starts_at, opening.ends_at, one.name)
            for one, opening in openings
            if opening is not None
        )
        return (*self.kept.values(), *opened)

    def turns(self) -> list[float]:
        """Return when silences begin and end."""
        ends = [at for one in self.standing() for at in (one.starts_at, one.ends_at)]
        openings = [next_opening(window, self.now) for window in self.windows]
        return [*ends, *(at for at in openings if at is not None)]

    def until(self, key: str) -> float | None:
        over = Silences(self.now, self.standing()).over(key)
        return None if over is None else over.ends_at

    def free(self) -> None:
        """Wake what is silenced no more."""
        for key, incident in list(self.incidents.items()):
            if incident.silenced and self.until(key) is None:
                self.tell(key, DeadlineReached())

    def tell(self, key: str, event: IncidentEvent) -> None:
        until = self.until(key)
        self.take(key, escalation.handle(self.incidents[key], event, self.now, CHAIN, silenced_until=until))

    def take(self, key: str, made: tuple[Incident, tuple[Tell, ...]]) -> None:
        self.incidents[key], tells = made
        for tell in tells:
            if tell.kind is not NoticeKind.RESOLVED:
                assert self.until(key) is None, "told while it was silenced"
                self.told[self.incidents[key].id] = self.now

    # --- what holds always ---

    @invariant()
    def what_fires_is_heard_of_as_soon_as_nothing_silences_it(self) -> None:
        for key, incident in self.incidents.items():
            attended = incident.acked_until is not None and self.now < incident.acked_until
            if attended or self.until(key) is not None:
                continue
            assert not incident.silenced or incident.acked_until is not None
            assert incident.id in self.told or incident.acked_until is not None

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        for key, incident in self.incidents.items():
            until = self.until(key)
            if until is not None:
                assert until > self.now
                continue
            assert incident.next_at is not None
            assert incident.next_at <= max(self.now + 2 * CHAIN.repeat_interval, incident.acked_until or 0.0)


TestQuietMachine = QuietMachine.TestCase
TestQuietMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
