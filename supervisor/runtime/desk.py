"""The desk where incidents are kept: opened, told step by step, acknowledged, resolved.

Every method that changes something takes the `Change` it belongs to, so that an agent's transition, its
incident and the notifications are written together. One service wakes the incidents whose time has come.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from supervisor.domain import escalation
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivery, DeliveryState, NoticeKind, cancelled
from supervisor.domain.escalation import Incident, IncidentState, Tell
from supervisor.domain.events import ClockStepped, DeadlineReached
from supervisor.domain.messages import SCOPES, message
from supervisor.domain.policy import Chain
from supervisor.domain.records import EscalationTriggered, IncidentAcknowledged, IncidentOpened, IncidentResolved
from supervisor.domain.silences import Silence
from supervisor.ports import Clock, UnknownNameError
from supervisor.runtime.change import Change
from supervisor.runtime.journal import Journal
from supervisor.runtime.mailbox import Mailbox
from supervisor.runtime.silencer import Silencer

CHANNEL_CAUSE = "channel."
"""How the cause of a failing channel's incident begins; that channel is not used to tell of it."""

_LONGEST_NAP = 10.0
_AT_ONCE = 100


class Desk:
    """Incidents, what is silenced of them, and the deliveries that are not finished.

    Args:
        on_delivery: called with each delivery that is to be sent.
    """

    def __init__(self, chain: Chain, clock: Clock, journal: Journal, on_delivery: Callable[[Delivery], None]) -> None:
        self.chain = chain
        self.deliveries: dict[str, Delivery] = {}
        self.silencer = Silencer(clock)
        self.ticked_at = clock.now()
        self._incidents: dict[str, Incident] = {}
        self._open: dict[str, str] = {}
        self._unfinished: dict[str, set[str]] = {}
        self._wake_at: list[tuple[float, str]] = []
        self._unsilenced: deque[str] = deque()
        self._untold_at_turn: deque[str] = deque()
        self._clock = clock
        self._journal = journal
        self._on_delivery = on_delivery
        self._mailbox: Mailbox[None] = Mailbox(clock)

    def restore(
        self, change: Change, incidents: Iterable[Incident], deliveries: Iterable[Delivery], kept: Iterable[Silence]
    ) -> None:
        """Take over what an earlier life left. Where this one has opened the same incident, the earlier one goes on."""
        for incident in incidents:
            known = None if incident.state is IncidentState.RESOLVED else self.find(incident.key)
            if known is None:
                self._keep(incident)
            else:
                self.resolve(change, incident.key, f"it goes on as incident {incident.id}")
                self._apply(change, escalation.joined(incident, known), ())
        for delivery in deliveries:
            # What has its message may have been sent just before that life ended: whoever heard is owed the end.
            held = replace(delivery, attempts=max(1, delivery.attempts)) if delivery.group else delivery
            self._hold(held)
            self._on_delivery(held)
        self.silencer.restore(kept)
        self._mailbox.ring()

    def use(self, change: Change, chain: Chain) -> None:
        """Tell by this chain from now on; what waits for a chain at all begins it."""
        self.chain = chain
        self.look_at_silences(change)
        for incident in self.open_incidents():
            if incident.next_at is None:
                self._handle(change, incident, DeadlineReached())
        self._mailbox.ring()

    # --- questions ---

    def open_incidents(self) -> tuple[Incident, ...]:
        """Return the open incidents, in the order in which they came."""
        return tuple(self._incidents[id_] for id_ in self._open.values())

    def get(self, incident: str) -> Incident | None:
        """Return the incident with this id, if it is open or still being told."""
        return self._incidents.get(incident)

    def must_be_open(self, incident: str) -> None:
        """Raise UnknownNameError where no incident with this id is open."""
        known = self._incidents.get(incident)
        if known is None or known.state is IncidentState.RESOLVED:
            raise UnknownNameError(f"no open incident {incident}")

    def find(self, key: str) -> Incident | None:
        """Return the open incident of `key`."""
        id_ = self._open.get(key)
        return None if id_ is None else self._incidents[id_]

    # --- incidents ---

    def open(self, change: Change, key: str, severity: Severity, summary: str, evidence: dict[str, Any]) -> Incident:
        """Open the incident of `key`, or tell the open one what is new."""
        now = self._clock.now()
        known = self.find(key)
        if known is not None:
            event = escalation.Worsened(severity, summary)
            return self._handle(change, replace(known, evidence=evidence), event)
        opened, tells = escalation.open_incident(
            key,
            severity,
            summary,
            now,
            self._chain_for(key),
            evidence=evidence,
            silenced_until=self._silenced(change, key),
        )
        change.records.append(IncidentOpened(opened.id, key, severity.value, summary, agent_of(opened)))
        self._apply(change, opened, tells)
        return opened

    def resolve(self, change: Change, key: str, summary: str, evidence: dict[str, Any] | None = None) -> None:
        """Resolve the incident of `key`, if one is open. `evidence`: how it stands at its end, None for as before.

        A notice is withdrawn that nobody began to send, or whose channel hears the end in any case. What may
        have arrived already is sent to the end, so that the end can follow it.
        """
        incident = self.find(key)
        if incident is None:
            return
        for delivery in self._untold(incident.id):
            if delivery.attempts == 0 or delivery.channel in incident.told:
                self.update(change, cancelled(delivery))
        seconds = self._clock.now() - incident.opened_at
        change.records.append(IncidentResolved(incident.id, key, summary, seconds, agent_of(incident)))
        ended = incident if evidence is None else replace(incident, evidence=evidence)
        self._handle(change, ended, escalation.Resolved(summary))

    def acknowledge(self, change: Change, incident: str, by: str, seconds: float | None) -> Incident:
        """Acknowledge an open incident; without `seconds` an acknowledgement that runs is not shortened.

        Raises UnknownNameError.
        """
        self.must_be_open(incident)
        until = self._clock.now() + (self.chain.ack_timeout if seconds is None else seconds)
        if seconds is None:
            until = max(until, self._incidents[incident].acked_until or until)
        for delivery in self._untold(incident):
            if delivery.attempts == 0:
                self.update(change, cancelled(delivery))
            elif delivery.error:  # it may have arrived all the same: its channel hears the end
                self.took(change, delivery)
                self.update(change, cancelled(delivery))
        known = self._incidents[incident]
        change.records.append(IncidentAcknowledged(known.id, by, until, agent_of(known)))
        return self._handle(change, known, escalation.Acknowledged(by, until))

    def took(self, change: Change, delivery: Delivery) -> None:
        """A channel has sent `delivery`."""
        incident = self._incidents.get(delivery.incident)
        if incident is not None and delivery.kind is not NoticeKind.RESOLVED:
            self._handle(change, incident, escalation.ChannelTook(delivery.channel))

    def failed(self, change: Change, delivery: Delivery) -> None:
        """A channel will not send `delivery` soon: the next step is told at once."""
        incident = self._incidents.get(delivery.incident)
        if incident is not None and delivery.kind is not NoticeKind.RESOLVED:
            self._handle(change, incident, escalation.ChannelFailed(delivery.channel))

    def take_back(self, change: Change, delivery: Delivery) -> bool:
        """Withdraw a notice that nobody is to hear now: somebody looks after its incident, or it is silenced.

        Return whether it is. Where it may have arrived all the same, its channel hears the end.
        """
        incident = self._incidents.get(delivery.incident)
        if incident is None or delivery.kind is NoticeKind.RESOLVED:
            return False
        if incident.acked_by is None:  # who looked after it to the end counts as well
            if self._silenced(change, incident.key) is None:
                return False
            self._handle(change, incident, escalation.Silenced())  # what is kept back is told when the silence ends
        if delivery.attempts:
            self.took(change, delivery)
        self.update(change, cancelled(delivery))
        return True

    def update(self, change: Change, delivery: Delivery) -> None:
        """Keep the new value of a delivery; one that is finished is kept by the store alone."""
        change.deliveries[delivery.id] = delivery
        if delivery.state is DeliveryState.PENDING:
            self._hold(delivery)
            return
        self.deliveries.pop(delivery.id, None)
        unfinished = self._unfinished.get(delivery.incident, set())
        unfinished.discard(delivery.id)
        if not unfinished:
            self._unfinished.pop(delivery.incident, None)
            self._forget_finished(delivery.incident)

    # --- silences ---

    def look_at_silences(self, change: Change) -> None:
        """Act on what has begun or ended, as soon as can be.

        What waits to be told is withdrawn where it is silenced now; what is silenced no more, and still fires, is told.
        """
        if self.silencer.turn(change):
            silenced = (incident for incident in self.open_incidents() if incident.silenced)
            self._unsilenced.extend(one.id for one in silenced if self.silencer.until(one.key) is None)
            self._untold_at_turn.extend(self._unfinished)
            self._mailbox.ring()

    # --- the service ---

    async def run(self) -> None:
        """Wake each incident when its time has come, for ever."""
        while True:
            self.ticked_at = self._clock.now()
            await self._mailbox.next(min(self._next_at(), self.ticked_at + _LONGEST_NAP))
            change = Change()
            self.wake(change)
            if change.incidents or change.records:
                await self._journal.commit(change)

    def wake(self, change: Change) -> None:
        """Tell what is due now, or the first of it: a whole fleet's incidents must not hold up the loop."""
        now = self._clock.now()
        self.look_at_silences(change)
        for _ in range(min(_AT_ONCE, len(self._untold_at_turn))):
            for delivery in self._untold(self._untold_at_turn.popleft()):
                if delivery.attempts == 0 or delivery.error:  # a try under way is looked at when it ends
                    self.take_back(change, delivery)
        while self._unsilenced and len(change.incidents) < _AT_ONCE:
            incident = self._incidents.get(self._unsilenced.popleft())
            if incident is not None:
                self._handle(change, incident, DeadlineReached())
        while self._wake_at and self._wake_at[0][0] <= now and len(change.incidents) < _AT_ONCE:
            at, id_ = heapq.heappop(self._wake_at)
            incident = self._incidents.get(id_)
            if incident is not None and incident.next_at == at:
                self._handle(change, incident, DeadlineReached())

    def step_clock(self, change: Change, seconds: float) -> None:
        """The wall clock was set by `seconds`: every kept time moves with it."""
        for incident in list(self._incidents.values()):
            shifted, _ = escalation.handle(incident, ClockStepped(seconds), self._clock.now(), self.chain)
            self._apply(change, shifted, ())
        for delivery in list(self.deliveries.values()):
            moved = replace(delivery, next_at=delivery.next_at + seconds)
            self.update(change, moved)
            self._on_delivery(moved)
        self.silencer.step_clock(change, seconds)
        self.look_at_silences(change)

    # --- inside ---

    def _handle(self, change: Change, incident: Incident, event: escalation.IncidentEvent) -> Incident:
        now = self._clock.now()
        after, tells = escalation.handle(
            incident, event, now, self._chain_for(incident.key), silenced_until=self._silenced(change, incident.key)
        )
        self._apply(change, after, tells)
        return after

    def _silenced(self, change: Change, key: str) -> float | None:
        """Return until when `key` is silenced: a window that opens at this very moment counts."""
        self.look_at_silences(change)
        return self.silencer.until(key)

    def _apply(self, change: Change, incident: Incident, tells: Iterable[Tell]) -> None:
        now = self._clock.now()
        change.incidents[incident.id] = incident
        self._keep(incident)
        waiting = {delivery.channel: delivery for delivery in self._untold(incident.id)}
        for tell in tells:
            if tell.kind is not NoticeKind.RESOLVED and (before := waiting.get(tell.channel)) is not None:
                if before.attempts or before.message["severity"] == incident.severity:
                    continue  # the channel has yet to take the notice before: one is enough
                self.update(change, cancelled(before))
            id_ = f"{incident.id}.{tell.number}"
            text = {**message(incident, tell.kind, now), "delivery": id_}
            delivery = Delivery(id_, incident.id, tell.channel, tell.kind, text, now, now)
            self.update(change, delivery)
            if tell.kind is not NoticeKind.RESOLVED:
                change.records.append(
                    EscalationTriggered(incident.id, tell.channel, tell.kind.value, id_, agent_of(incident))
                )
            self._on_delivery(delivery)
        self._forget_finished(incident.id)
        self._mailbox.ring()

    def _hold(self, delivery: Delivery) -> None:
        self.deliveries[delivery.id] = delivery
        self._unfinished.setdefault(delivery.incident, set()).add(delivery.id)

    def _untold(self, incident: str) -> list[Delivery]:
        """Return the notices of an open incident that no channel has taken yet."""
        unfinished = (self.deliveries[id_] for id_ in self._unfinished.get(incident, ()))
        return [delivery for delivery in unfinished if delivery.kind is not NoticeKind.RESOLVED]

    def _next_at(self) -> float:
        """Return when the next incident wants to be woken, or a silence begins or ends."""
        if self._unsilenced or self._untold_at_turn:
            return self._clock.now()
        while self._wake_at:
            at, id_ = self._wake_at[0]
            known = self._incidents.get(id_)
            if known is not None and known.next_at == at:
                break
            heapq.heappop(self._wake_at)
        return min(self.silencer.next_turn(), self._wake_at[0][0] if self._wake_at else math.inf)

    def _keep(self, incident: Incident) -> None:
        before = self._incidents.get(incident.id)
        if incident.next_at is not None and (before is None or before.next_at != incident.next_at):
            heapq.heappush(self._wake_at, (incident.next_at, incident.id))
        self._incidents[incident.id] = incident
        if incident.state is IncidentState.RESOLVED:
            if self._open.get(incident.key) == incident.id:
                del self._open[incident.key]
        else:
            self._open[incident.key] = incident.id

    def _forget_finished(self, incident: str) -> None:
        known = self._incidents.get(incident)
        if known is not None and known.state is IncidentState.RESOLVED and incident not in self._unfinished:
            del self._incidents[incident]

    def _chain_for(self, key: str) -> Chain:
        cause = key.partition(":")[2]
        if not cause.startswith(CHANNEL_CAUSE):
            return self.chain
        dead = cause.removeprefix(CHANNEL_CAUSE)
        return replace(self.chain, steps=tuple(step for step in self.chain.steps if step.channel != dead))


def agent_of(incident: Incident) -> str | None:
    """Return the agent an incident is about, None where it is about none."""
    return None if incident.subject in SCOPES else incident.subject
