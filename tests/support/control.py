"""A daemon in memory, as its faces see it: does what is asked at once, keeps what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from supervisor.domain import drills
from supervisor.domain.account import Account
from supervisor.domain.actions import Severity
from supervisor.domain.counters import Counts
from supervisor.domain.delivery import Delivered, Failed, Outcome
from supervisor.domain.drills import Drill
from supervisor.domain.escalation import Incident, IncidentState, incident_id
from supervisor.domain.events import Beat
from supervisor.domain.fleet import AgentView, Fleet, Modifier, Status, overall
from supervisor.domain.health import HealthState
from supervisor.domain.maintenance import Planned, Window, next_opening
from supervisor.domain.metrics import DAY, Metrics
from supervisor.domain.readings import Readings
from supervisor.domain.silences import Coverage, Silence, Silences, coverage
from supervisor.domain.trend import Trend
from supervisor.domain.vitals import Pause
from supervisor.ports import RefusedError, Row, StoreError, UnknownNameError

NOW = 1_780_000_000.0
"""2026-05-28T20:26:40Z."""

WATCHES: dict[str, str | None] = {"config": None, "cache": "/c", "heartbeats": "/c/heartbeats", "state": "/s"}


def agent(name: str, status: HealthState = HealthState.HEALTHY, **changes: Any) -> AgentView:
    """Return the view of one agent that beat a minute ago."""
    healthy = AgentView(
        name=name,
        status=status,
        last_heartbeat=NOW - 60,
        consecutive_misses=0,
        restarts=0,
        errors=0,
        reason="heartbeat in time",
        modifiers=(),
        since=NOW - 3600,
        due=NOW + 3540,
        heartbeat_timeout=3600.0,
        restart_at=None,
        held_until=None,
        incarnation=None,
        beat=Beat(NOW - 60),
        restarter=None,
    )
    return replace(healthy, **changes)


class MemoryControl:
    """The `Control` port over plain lists."""

    def __init__(self, *agents: AgentView, now: Callable[[], float] = lambda: NOW) -> None:
        self.now = now
        self.agents = {view.name: view for view in agents}
        self.kept: list[Incident] = []
        self.quiet: dict[str, Silence] = {}
        self.windows: tuple[Window, ...] = ()
        self.records: list[Row] = []
        self.asked: list[tuple[Any, ...]] = []
        self.outcomes: dict[str, Outcome] = {"caine": Delivered(), "person": Failed("connection refused")}
        self.account = Account()
        self.trend = Trend()
        self.missing: str | None = None
        self.doubts: tuple[str, ...] = ()
        self.unregistered: tuple[str, ...] = ()
        self.page_error = ""
        self.broken: Exception | None = None
        self.reloaded: dict[str, list[str]] = {"added": ["new"], "changed": [], "removed": []}
        self.drill: Drill | None = None
        self.page = b"<!doctype html><title>page</title>"
        self.measured = Metrics(self.now(), DAY)
        self.followers: set[asyncio.Queue[Row | None]] = set()
        self.read = Readings(Fleet(0.0, Status.OK, (), ()), Counts(), (), tuple(self.outcomes), 0, 0, 0.0)

    def record(self, event: str, agent: str | None = None, **fields: Any) -> Row:
        """Keep a record, and tell those who follow."""
        incident = fields.get("incident")
        row = Row(self.now(), event, agent, incident, fields, id=len(self.records) + 1)
        self.records.append(row)
        for queue in self.followers:
            queue.put_nowait(replace(row, id=0))
        return row

    def end_following(self) -> None:
        """End it for all who follow, as the daemon's end does."""
        for queue in self.followers:
            queue.put_nowait(None)

    def open(self, key: str, severity: Severity = Severity.CRITICAL, **changes: Any) -> Incident:
        """Open an incident."""
        incident = Incident(incident_id(key, self.now()), key, severity, f"{key} is wrong", self.now())
        self.kept.append(replace(incident, **changes))
        return self.kept[-1]

    # --- the port ----------------------------------------------------------------------------------------

    def readiness(self) -> str | None:
        return self.missing

    async def fleet(self, agents: Collection[str] = ()) -> Fleet:
        return self.picture(agents)

    def picture(self, agents: Collection[str] = ()) -> Fleet:
        """Return the picture of everything, or of these agents."""
        incidents = tuple(one for one in self.kept if one.state is not IncidentState.RESOLVED)
        views = tuple(view for view in self.agents.values() if not agents or view.name in agents)
        observed = not self.doubts
        status = overall(views, incidents, observed=observed)
        doubts, strangers = self.doubts, self.unregistered
        silenced = self.silences()
        return Fleet(
            self.now(),
            status,
            views,
            incidents,
            observed,
            doubts,
            strangers,
            self.account,
            self.trend,
            self.page_error,
            silenced,
            tuple(coverage(one, self.agents, incidents, self.now()) for one in silenced.kept),
            tuple(Planned(window, next_opening(window, self.now())) for window in self.windows),
        )

    def silences(self) -> Silences:
        return Silences(self.now(), tuple(self.quiet.values()), self.windows)

    async def check(self, agents: Sequence[str] = ()) -> Fleet:
        self.asked.append(("check", *agents))
        return await self.fleet()

    async def reconcile(self) -> Account:
        self.asked.append(("reconcile",))
        self._broken()
        return self.account

    async def metrics(self, window: float) -> Metrics:
        self._broken()
        return replace(self.measured, at=self.now(), window=window)

    async def readings(self) -> Readings:
        self._broken()
        return replace(self.read, fleet=await self.fleet())

    async def restart(self, agent: str, by: str) -> int:
        self.asked.append(("restart", agent, by))
        if self._known(agent).restarter is None:
            raise RefusedError(f"{agent} has no restarter")
        self._change(agent, restarts=self.agents[agent].restarts + 1)
        return self.agents[agent].restarts

    async def hold(self, agent: str, seconds: float, by: str, reason: str = "") -> float:
        self.asked.append(("hold", agent, seconds, by, reason))
        self._known(agent)
        until, held = self.now() + seconds, (Modifier.HELD,)
        self._change(agent, held_until=until, held_by=by, held_reason=reason or None, modifiers=held)
        return self.now() + seconds

    async def release(self, agent: str, by: str) -> None:
        self.asked.append(("release", agent, by))
        self._known(agent)
        self._change(agent, held_until=None, held_by=None, held_reason=None, modifiers=())

    async def pause(self, agent: str, by: str, seconds: float | None = None, reason: str = "") -> Pause:
        self.asked.append(("pause", agent, by, seconds, reason))
        self._known(agent)
        pause = Pause(by, None if seconds is None else self.now() + seconds, reason)
        self._change(agent, status=HealthState.STOPPED, pause=pause, modifiers=(Modifier.PAUSED,), reason=pause.words)
        return pause

    async def resume(self, agent: str, by: str) -> None:
        self.asked.append(("resume", agent, by))
        self._known(agent)
        self._change(agent, status=HealthState.UNKNOWN, pause=None, modifiers=(), reason=f"resumed by {by}")

    async def acknowledge(self, incident: str, by: str, seconds: float | None = None) -> Incident:
        self.asked.append(("ack", incident, by, seconds))
        for place, one in enumerate(self.kept):
            if one.id == incident:
                state = IncidentState.ACKNOWLEDGED
                self.kept[place] = replace(one, state=state, acked_by=by, acked_until=self.now() + (seconds or 1800))
                return self.kept[place]
        raise UnknownNameError(f"no open incident has the id {incident!r}")

    def open_incidents(self) -> Sequence[Incident]:
        return tuple(one for one in self.kept if one.state is not IncidentState.RESOLVED)

    async def acknowledge_many(
        self, incidents: Collection[str], by: str, seconds: float | None = None
    ) -> Sequence[Incident]:
        known = {one.id for one in self.open_incidents()}
        for id_ in incidents:
            if id_ not in known:
                raise UnknownNameError(f"no open incident has the id {id_!r}")
        return [await self.acknowledge(id_, by, seconds) for id_ in incidents]

    async def silence(
        self, matcher: str, seconds: float, author: str, comment: str, *, starts_at: float | None = None
    ) -> Coverage:
        begins = self.now() if starts_at is None else starts_at
        new = Silence(f"s{len(self.quiet) + 1}", matcher, author, comment, begins, begins + seconds)
        if new.ends_at <= self.now():
            raise RefusedError("it would be over already")
        self.quiet[new.id] = new
        return coverage(new, self.agents, self.kept, self.now())

    async def unsilence(self, silence: str, by: str) -> None:
        self.asked.append(("unsilence", silence, by))
        known = self.quiet.get(silence)
        if known is None:
            raise UnknownNameError(f"no silence has the id {silence!r}")
        if known.window:
            raise RefusedError(f"{silence} is the window maintenance.{known.window}: the configuration ends it")
        del self.quiet[silence]

    async def begin_drill(self, seconds: float, by: str) -> Drill:
        self.asked.append(("drill", seconds, by))
        if self.drill is not None:
            raise RefusedError(f"a drill is under way: {self.drill.agent}")
        self.drill = Drill(drills.name("0" * 8), self.now() + seconds)
        return self.drill

    async def end_drill(self, agent: str) -> None:
        self.asked.append(("end drill", agent))
        if self.drill is None or self.drill.agent != agent:
            raise UnknownNameError(f"no drill {agent!r}")
        self.drill = None

    async def heartbeat(self, agent: str, document: dict[str, Any]) -> None:
        if "timestamp" not in document:
            raise RefusedError("timestamp: a heartbeat needs one")
        self.asked.append(("heartbeat", agent, document))

    async def live_page(self, *, acting: bool) -> bytes:
        self._broken()
        return self.page + (b"<!-- acting -->" if acting else b"")

    async def dashboard(self) -> bytes:
        self._broken()
        return self.page

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
        self._broken()
        named = [r for r in self.records if events is None or r.event in events]
        found = [r for r in named if r.at >= since and r.id > after and agent in {None, r.agent}]
        found = [row for row in found if before is None or row.id < before]
        return found[:limit] if after else found[-limit:]

    async def incidents(
        self, *, since: float = 0.0, before: tuple[float, str] | None = None, limit: int = 1000
    ) -> Sequence[Incident]:
        self._broken()
        newest = sorted(self.kept, key=lambda one: (one.opened_at, one.id), reverse=True)
        found = [one for one in newest if one.opened_at >= since]
        return [one for one in found if before is None or (one.opened_at, one.id) < before][:limit]

    async def follow(self) -> AsyncIterator[Row]:
        queue: asyncio.Queue[Row | None] = asyncio.Queue()
        self.followers.add(queue)
        try:
            while (row := await queue.get()) is not None:
                yield row
        finally:
            self.followers.discard(queue)

    async def reload(self) -> dict[str, list[str]]:
        self._broken()
        return self.reloaded

    async def test_notify(self, channel: str | None, by: str) -> dict[str, Outcome]:
        self.asked.append(("test-notify", channel, by))
        if channel is None:
            return self.outcomes
        if channel not in self.outcomes:
            raise UnknownNameError(f"no channel is named {channel!r}")
        return {channel: self.outcomes[channel]}

    def _known(self, name: str) -> AgentView:
        if name not in self.agents:
            raise UnknownNameError(f"no agent is named {name!r}")
        return self.agents[name]

    def _change(self, name: str, **changes: Any) -> None:
        self.agents[name] = replace(self.agents[name], **changes)

    def _broken(self) -> None:
        if self.broken is not None:
            raise self.broken


JOURNAL_BROKEN = StoreError("journal.db: database disk image is malformed")
