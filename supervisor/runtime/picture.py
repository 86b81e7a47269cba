"""Everything as it is now: for the faces, and for a journal that begins anew."""

from __future__ import annotations

from collections.abc import Callable, Collection

from supervisor.domain import fleet as fleets
from supervisor.domain import maintenance, silences
from supervisor.domain.actions import Cause
from supervisor.domain.fleet import Fleet
from supervisor.domain.maintenance import Planned
from supervisor.ports import Clock
from supervisor.runtime.change import Change
from supervisor.runtime.desk import Desk
from supervisor.runtime.gatekeeper import Gatekeeper
from supervisor.runtime.past import Past
from supervisor.runtime.reader import Reader
from supervisor.runtime.reconciler import Reconciler
from supervisor.runtime.roster import Roster
from supervisor.runtime.snapshots import Snapshots


class Picture:
    """Puts together what the runtime's parts know. `boot` names this boot of the machine."""

    def __init__(
        self,
        clock: Clock,
        roster: Roster,
        desk: Desk,
        gate: Gatekeeper,
        reader: Reader,
        books: Reconciler,
        past: Past,
        snapshots: Snapshots,
        *,
        boot: str,
    ) -> None:
        self._clock = clock
        self._roster = roster
        self._desk = desk
        self._gate = gate
        self._reader = reader
        self._books = books
        self._past = past
        self._snapshots = snapshots
        self._boot = boot

    def capture(self, only: Collection[str] = ()) -> Callable[[], Fleet]:
        """Return what makes the picture of this moment: it holds values only, and runs in any thread.

        With `only` its agents are those of these names, and its status is theirs; a drill's has to be named.
        """
        now = self._clock.now()
        real = self._roster.real()
        chosen = [agent for agent in self._roster if agent.name in only] if only else real
        agents = [(agent.name, agent.health, agent.plan, self._gate.trusts(agent.name)) for agent in chosen]
        names = tuple(agent.name for agent in real)
        silenced = self._desk.silencer.silences()
        incidents = self._desk.open_incidents()
        trusted = self._gate.trusted
        doubts = tuple(doubt.value for doubt in self._gate.gate.why)
        account, past = self._books.account, self._past
        strangers = tuple(sorted(self._reader.strangers))
        error = self._snapshots.error

        def build() -> Fleet:
            def until(name: str) -> float | None:
                over = silenced.over(f"{name}:{Cause.HEARTBEAT}") if silenced.kept else None
                return None if over is None else over.ends_at

            views = fleets.worst_first(
                (
                    fleets.view(
                        name,
                        health,
                        now=now,
                        policy=plan.policy,
                        restarter=plan.kind,
                        silenced_until=until(name),
                        observed=seen,
                    )
                    for name, health, plan, seen in agents
                ),
                incidents,
            )
            status = fleets.overall(views, incidents, observed=trusted)
            oldest_first = tuple(sorted(incidents, key=lambda incident: incident.opened_at))
            trend = past.trend(account, now)
            return Fleet(
                now,
                status,
                views,
                oldest_first,
                trusted,
                doubts,
                strangers,
                account,
                trend,
                error,
                silenced,
                tuple(silences.coverage(one, names, incidents, now) for one in silenced.kept),
                tuple(Planned(one, maintenance.next_opening(one, now)) for one in silenced.windows),
            )

        return build

    def everything(self) -> Change:
        """Return everything that must outlive this life."""
        return Change(
            agents={agent.name: agent.health for agent in self._roster},
            incidents={incident.id: incident for incident in self._desk.open_incidents()},
            deliveries=dict(self._desk.deliveries),
            silences={one.id: one for one in self._desk.silencer.kept},
            findings={kept.id: kept for kept in self._books.account.hard},
            facts={"boot": self._boot},
        )
