"""Going on from where an earlier life ended: at the start, or as soon as its journal can be read at last."""

from __future__ import annotations

from dataclasses import replace

from supervisor.domain import drills, escalation, health, silences, timeline
from supervisor.domain.actions import Cause
from supervisor.domain.events import ClockStepped
from supervisor.domain.policy import Chain, Policy
from supervisor.domain.records import JournalRestored, SupervisorStarted
from supervisor.ports import Saved
from supervisor.runtime.change import Change
from supervisor.runtime.configuration import UNWATCHED, Configuration
from supervisor.runtime.desk import Desk
from supervisor.runtime.gatekeeper import FLEET_KEY, Gatekeeper
from supervisor.runtime.journal import ALIVE_AT, Journal
from supervisor.runtime.outbox import Outbox
from supervisor.runtime.pulse import STEP
from supervisor.runtime.reconciler import Reconciler
from supervisor.runtime.roster import Roster
from supervisor.runtime.telling import key
from supervisor.runtime.world import World


class Recovery:
    """Brings what the journal holds back to the parts that know it."""

    def __init__(
        self,
        world: World,
        journal: Journal,
        desk: Desk,
        outbox: Outbox,
        gate: Gatekeeper,
        roster: Roster,
        configuration: Configuration,
        books: Reconciler,
    ) -> None:
        self._world = world
        self._journal = journal
        self._desk = desk
        self._outbox = outbox
        self._gate = gate
        self._roster = roster
        self._configuration = configuration
        self._books = books
        self._begun = world.clock.now()

    def begin(self, saved: Saved) -> None:
        """Begin this life with what was kept."""
        change = Change(facts={"boot": self._world.boot})
        self._books.restore(saved.findings)
        self._take_over(change, saved)
        self._outbox.use({name: channel.make() for name, channel in self._configuration.plan.channels.items()})
        if self._roster.minding:
            change.records.append(self._started(saved))
        change.records.extend(JournalRestored(note) for note in saved.notes)
        self._journal.post(change)

    def late(self, saved: Saved) -> None:
        """Take over what could not be read at the start, where this life knows nothing newer."""
        change = Change()
        self._books.inherit(saved.findings)
        self._take_over(change, saved)
        self._journal.post(change)
        self._outbox.use(self._outbox.notifiers)  # what waits for a channel that is gone by now is given up
        self._gate.count()
        self._roster.wake_all()

    def _take_over(self, change: Change, saved: Saved) -> None:
        alive_at = float(saved.facts.get(ALIVE_AT, self._begun))
        # A silence that had ended by then was said by that life.
        saved = replace(saved, silences=tuple(one for one in saved.silences if one.ends_at > alive_at))
        plans = self._configuration.plans(name for name in saved.agents if name != saved.facts.get(drills.FACT))
        if alive_at - self._begun > STEP:
            saved = _moved(saved, self._begun - alive_at, self._begun)
            change.agents |= {name: known for name, known in saved.agents.items() if name in plans}
            change.incidents |= {incident.id: incident for incident in saved.incidents}
            change.deliveries |= {delivery.id: delivery for delivery in saved.deliveries}
            change.silences |= {silence.id: silence for silence in saved.silences}
        self._desk.restore(change, saved.incidents, saved.deliveries, saved.silences)
        rebooted = saved.facts.get("boot", self._world.boot) != self._world.boot
        for name, plan in plans.items():
            known = saved.agents.get(name)
            if known is not None and rebooted:
                away = max(0.0, self._begun - alive_at)
                known = timeline.rebooted(known, away, self._begun, plan.policy)
            if name not in self._roster:
                self._roster.add(name, plan, known)
            elif known is not None:
                self._roster.get(name).inherit(known)
            agent = self._roster.get(name)
            agent.resolve(change, set(Cause) - agent.health.causes, agent.health.reason)
        # One pass may look at a few agents only; what is known of the others is not its business.
        for name in saved.agents.keys() - plans.keys() if self._roster.minding else ():
            change.forgotten.append(name)
            for cause in Cause:
                self._desk.resolve(change, key(name, cause), UNWATCHED)
        silent = [agent.name for agent in self._roster if agent.health.misses]
        self._gate.restore(silent, incident=self._desk.find(FLEET_KEY) is not None)

    def _started(self, saved: Saved) -> SupervisorStarted:
        world = self._world
        alive_at = saved.facts.get(ALIVE_AT)
        away = None if alive_at is None else max(0.0, self._begun - float(alive_at))
        config = None if world.config is None else str(world.config)
        return SupervisorStarted(world.version, world.pid, len(self._roster), world.journal, config, away)


def _moved(saved: Saved, seconds: float, now: float) -> Saved:
    """Return what was kept, where the wall clock was set by `seconds` since, to `now`."""
    step = ClockStepped(seconds)
    return replace(
        saved,
        agents={n: health.handle(known, step, 0.0, Policy(), name="")[0] for n, known in saved.agents.items()},
        incidents=tuple(escalation.handle(one, step, 0.0, Chain())[0] for one in saved.incidents),
        deliveries=tuple(replace(one, next_at=one.next_at + seconds) for one in saved.deliveries),
        silences=tuple(silences.shifted(one, seconds, now) for one in saved.silences),
    )
