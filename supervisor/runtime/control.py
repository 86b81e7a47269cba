"""What people and programs may ask of the daemon: `ports.Control`, over the runtime's parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

from supervisor.domain import actions, silences
from supervisor.domain.account import Account
from supervisor.domain.delivery import Outcome
from supervisor.domain.drills import Drill
from supervisor.domain.escalation import Incident
from supervisor.domain.events import CheckAsked, Held, Paused, Released, RestartAsked, Resumed
from supervisor.domain.fleet import Fleet
from supervisor.domain.metrics import Metrics
from supervisor.domain.readings import Readings
from supervisor.domain.silences import Coverage, Silences
from supervisor.domain.vitals import Pause
from supervisor.ports import Clock, RefusedError, Row, Store, UnknownNameError
from supervisor.runtime.change import Change
from supervisor.runtime.desk import Desk
from supervisor.runtime.drills import Drills
from supervisor.runtime.journal import Journal
from supervisor.runtime.measures import Measures
from supervisor.runtime.outbox import Outbox
from supervisor.runtime.plan import PageKind
from supervisor.runtime.reconciler import Reconciler
from supervisor.runtime.roster import Roster
from supervisor.runtime.snapshots import Snapshots

_AT_ONCE = 200
"""So many acknowledgements are one change: more of them must not hold up the loop."""

_REFUSALS = {
    actions.Refusal.NO_RESTARTER: "nothing is configured that could restart it",
    actions.Refusal.IN_PROGRESS: "a restart is under way",
    actions.Refusal.PAUSED: "it is paused; resume it first",
}


class DaemonControl:
    """Implements `ports.Control`.

    Args:
        picture: returns the fleet as it is now, or only these agents of it.
        readings: returns what monitoring reads off us.
        readiness: returns what is missing before every agent is watched.
        reload: reads the configuration again and puts it in force.
        write_beat: writes a heartbeat file for an agent.
    """

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        store: Store,
        desk: Desk,
        outbox: Outbox,
        roster: Roster,
        snapshots: Snapshots,
        books: Reconciler,
        measures: Measures,
        drills: Drills,
        *,
        picture: Callable[[Collection[str]], Awaitable[Fleet]],
        readings: Callable[[], Awaitable[Readings]],
        readiness: Callable[[], str | None],
        reload: Callable[[], Awaitable[dict[str, list[str]]]],
        write_beat: Callable[[str, dict[str, Any]], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._store = store
        self._desk = desk
        self._outbox = outbox
        self._roster = roster
        self._snapshots = snapshots
        self._books = books
        self._measures = measures
        self._drills = drills
        self._picture = picture
        self._readings = readings
        self._readiness = readiness
        self._reload = reload
        self._write_beat = write_beat

    def readiness(self) -> str | None:
        """See `ports.Control`."""
        return self._readiness()

    async def fleet(self, agents: Collection[str] = ()) -> Fleet:
        """See `ports.Control`."""
        return await self._picture(agents)

    def silences(self) -> Silences:
        """See `ports.Control`."""
        return self._desk.silencer.silences()

    async def check(self, agents: Sequence[str] = ()) -> Fleet:
        """See `ports.Control`."""
        chosen = [self._roster.get(name) for name in agents] or self._roster.real()
        for agent in chosen:
            if agent.name in agents or agent.name in self._roster:  # a reload may have removed it meanwhile
                await agent.ask(CheckAsked())
        return await self._picture(())

    async def reconcile(self) -> Account:
        """See `ports.Control`."""
        return await self._books.compare()

    async def metrics(self, window: float) -> Metrics:
        """See `ports.Control`."""
        return await self._measures.over(window)

    async def readings(self) -> Readings:
        """See `ports.Control`."""
        return await self._readings()

    async def restart(self, agent: str, by: str) -> int:
        """See `ports.Control`."""
        watched = self._roster.get(agent)
        for action in await watched.ask(RestartAsked(by)):
            if isinstance(action, actions.RestartRefused):
                raise RefusedError(f"{agent} is not restarted: {_REFUSALS[action.reason]}")
        return watched.health.restarts

    async def hold(self, agent: str, seconds: float, by: str, reason: str = "") -> float:
        """See `ports.Control`."""
        until = self._clock.now() + seconds
        await self._roster.get(agent).ask(Held(until, by, reason))
        return until

    async def release(self, agent: str, by: str) -> None:
        """See `ports.Control`."""
        await self._roster.get(agent).ask(Released(by))

    async def pause(self, agent: str, by: str, seconds: float | None = None, reason: str = "") -> Pause:
        """See `ports.Control`."""
        until = None if seconds is None else self._clock.now() + seconds
        await self._roster.get(agent).ask(Paused(until, by, reason))
        return Pause(by, until, reason)

    async def resume(self, agent: str, by: str) -> None:
        """See `ports.Control`."""
        await self._roster.get(agent).ask(Resumed(by))

    async def acknowledge(self, incident: str, by: str, seconds: float | None = None) -> Incident:
        """See `ports.Control`."""
        change = Change()
        acknowledged = self._desk.acknowledge(change, incident, by, seconds)
        await self._journal.commit(change)
        return acknowledged

    def open_incidents(self) -> Sequence[Incident]:
        """See `ports.Control`."""
        return self._desk.open_incidents()

    async def acknowledge_many(
        self, incidents: Collection[str], by: str, seconds: float | None = None
    ) -> Sequence[Incident]:
        """See `ports.Control`."""
        acknowledged: list[Incident] = []
        for id_ in incidents:
            self._desk.must_be_open(id_)
        ids = [*dict.fromkeys(incidents)]
        for first in range(0, len(ids), _AT_ONCE):
            change = Change()
            for id_ in ids[first : first + _AT_ONCE]:
                with suppress(UnknownNameError):  # it has ended since
                    acknowledged.append(self._desk.acknowledge(change, id_, by, seconds))
            self._journal.post(change)
            await asyncio.sleep(0)
        await self._journal.settled()
        return acknowledged

    async def silence(
        self, matcher: str, seconds: float, author: str, comment: str, *, starts_at: float | None = None
    ) -> Coverage:
        """See `ports.Control`."""
        change, now = Change(), self._clock.now()
        begins = now if starts_at is None else max(starts_at, now)
        ends = (now if starts_at is None else starts_at) + seconds
        if ends <= now:
            raise RefusedError("it would be over already")
        silence = self._desk.silencer.add(change, matcher, author, comment, starts_at=begins, ends_at=ends)
        self._desk.look_at_silences(change)
        await self._journal.commit(change)
        names = [agent.name for agent in self._roster]
        return silences.coverage(silence, names, self._desk.open_incidents(), now)

    async def unsilence(self, silence: str, by: str) -> None:
        """See `ports.Control`."""
        change = Change()
        self._desk.silencer.end(change, silence, by)
        self._desk.look_at_silences(change)
        await self._journal.commit(change)

    async def begin_drill(self, seconds: float, by: str) -> Drill:
        """See `ports.Control`."""
        return await self._drills.begin(seconds, by)

    async def end_drill(self, agent: str) -> None:
        """See `ports.Control`."""
        await self._drills.end(agent)

    async def heartbeat(self, agent: str, document: dict[str, Any]) -> None:
        """See `ports.Control`."""
        await self._write_beat(agent, document)

    async def dashboard(self) -> bytes:
        """See `ports.Control`."""
        return await self._snapshots.write()

    async def live_page(self, *, acting: bool) -> bytes:
        """See `ports.Control`."""
        return await self._snapshots.live(PageKind.ACTING if acting else PageKind.WATCHING)

    async def rows(
        self,
        *,
        since: float = 0.0,
        after: int = 0,
        before: int | None = None,
        agent: str | None = None,
        events: Collection[str] | None = None,
        limit: int = 1000,
    ) -> Sequence[Row]:
        """See `ports.History`."""
        return await self._store.rows(since=since, after=after, before=before, agent=agent, events=events, limit=limit)

    async def incidents(
        self, *, since: float = 0.0, before: tuple[float, str] | None = None, limit: int = 1000
    ) -> Sequence[Incident]:
        """See `ports.History`."""
        return await self._store.incidents(since=since, before=before, limit=limit)

    def follow(self) -> AsyncIterator[Row]:
        """See `ports.Control`."""
        return self._journal.follow()

    async def reload(self) -> dict[str, list[str]]:
        """See `ports.Control`."""
        return await self._reload()

    async def test_notify(self, channel: str | None, by: str) -> dict[str, Outcome]:
        """See `ports.Control`."""
        return await self._outbox.test(channel, by)
