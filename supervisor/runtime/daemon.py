"""The daemon's life: bring the parts together, watch, reload, drain. Concrete classes are named by the roof only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from supervisor.domain import fleet as fleets
from supervisor.domain.delivery import Delivery
from supervisor.domain.events import TimeLost
from supervisor.domain.fleet import Fleet
from supervisor.domain.gate import Blinded, Doubt, Sighted
from supervisor.domain.messages import SCOPES
from supervisor.domain.records import (
    ConfigRejected,
    ConfigReloaded,
    JournalRestored,
    Record,
    SupervisorReady,
    SupervisorStarted,
    SupervisorStopping,
)
from supervisor.domain.silences import silenced_until
from supervisor.ports import Clock, Control, Files, Offload, RefusedError, Saved, Source, Store, Watchdog
from supervisor.runtime.agents import Tools
from supervisor.runtime.change import Change
from supervisor.runtime.control import DaemonControl
from supervisor.runtime.desk import Desk
from supervisor.runtime.executor import Executor
from supervisor.runtime.gatekeeper import FLEET_KEY, Gatekeeper
from supervisor.runtime.journal import Journal
from supervisor.runtime.outbox import Outbox
from supervisor.runtime.plan import AgentPlan, Plan
from supervisor.runtime.pulse import INTERVAL, Pulse
from supervisor.runtime.reader import Reader
from supervisor.runtime.roster import Roster, plans_differ
from supervisor.runtime.router import Router
from supervisor.runtime.services import LAW, LAW_OF_EXTRAS, keep
from supervisor.runtime.snapshots import Render, Snapshots, Write

_BEGINNING = "the first reading"
_HOUSEKEEPING = 3600.0
_STANDSTILL = 60.0
_DRAIN = 60.0
_DRAIN_LOOK = 0.02

T = TypeVar("T")
Service = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside the runtime that it works with, made by the roof.

    Args:
        emit: writes a record, made at a time (s since the epoch), to the log.
        fields: returns a record's fields as the journal keeps them.
        read, think: run blocking reads, one at a time, and long computations, away from the event loop.
        face: serves a control as long as its context lasts.
        load_plan: reads the configuration again; raises RefusedError with what is wrong.
        boot: names this boot of the machine.
        source_standstill: longest time (s) the source may be silent.
    """

    clock: Clock
    store: Store
    source: Source
    files: Files
    watchdog: Watchdog
    emit: Callable[[Record, float], None]
    fields: Callable[[Record], dict[str, Any]]
    read: Offload
    think: Offload
    render: Render
    write: Write
    write_beat: Callable[[str, dict[str, Any]], Awaitable[None]]
    load_plan: Callable[[], Awaitable[Plan]]
    face: Callable[[Control], AbstractAsyncContextManager[None]]
    heartbeats: Path
    dashboard: Path
    journal: str
    control: str
    config: Path | None
    version: str
    pid: int
    boot: str
    source_standstill: float
    pulse: float = INTERVAL


class Daemon:
    """One life of the supervisor."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._stop = asyncio.Event()
        self._why = "asked to"
        self._listed = asyncio.Event()
        self._ready = False
        self._config_changed = asyncio.Event()
        clock = world.clock
        self.journal = Journal(world.store, clock, world.emit, world.fields, self._everything)
        self.desk = Desk(plan.chain, clock, self.journal, self._push)
        self.outbox = Outbox(self.desk, self.journal, clock, plan.outbox_timeout)
        self.executor = Executor(clock, self.journal)
        self.reader = Reader(
            world.heartbeats, world.files, clock, self.journal, skew_limit=plan.skew_limit, offload=world.read
        )
        self.gate = Gatekeeper(
            plan.gate, clock, self.journal, self.desk, reread=world.source.relist, release=self._release
        )
        self.snapshots = Snapshots(
            world.dashboard,
            clock,
            self.journal,
            world.store,
            capture=self.capture,
            render=world.render,
            write=world.write,
            interval=plan.dashboard_interval,
            min_interval=plan.dashboard_min_interval,
        )
        tools = Tools(clock, self.journal, self.desk, self.executor, self.gate, self.reader.read, self.snapshots.touch)
        self.roster = Roster(tools)
        self.reader.bind(self.roster, self.gate, self._adopt)
        self.control = DaemonControl(
            clock,
            self.journal,
            world.store,
            self.desk,
            self.outbox,
            self.roster,
            self.snapshots,
            picture=self.picture,
            readiness=self.readiness,
            reload=self.reload,
            write_beat=world.write_beat,
        )

    # --- life ---

    def stop(self, why: str) -> None:
        """Ask for a planned end."""
        self._why = why
        self._stop.set()

    def reload_soon(self) -> None:
        """Read the configuration again as soon as can be."""
        self._config_changed.set()

    async def run(self) -> None:
        """Live until `stop`. Raises StoreLockedError where another daemon has the journal."""
        begun = self._world.clock.now()
        saved = await self.journal.open()
        self.gate.tell(Blinded(_BEGINNING, Doubt.STARTED))
        self._restore(saved)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(keep(name, service, self._world.clock, self.journal, law), name=name)
                    for law, services in ((LAW, self._services()), (LAW_OF_EXTRAS, self._extras()))
                    for name, service in services.items()
                ]
                async with self._world.face(self.control):
                    await self._until_ready(begun)
                    await self._stop.wait()
                    self.journal.note(SupervisorStopping(self._why))
                    self._world.watchdog.notify(STOPPING=1, STATUS=f"stopping: {self._why}")
                for task in tasks:
                    task.cancel()
        finally:
            await self._close()

    async def once(self, agents: Sequence[str]) -> Fleet:
        """One pass: read every file, judge, carry out what follows, and return the picture."""

        async def judge() -> Fleet:
            # The services take their first turn before they are asked anything.
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout(_DRAIN):
                    await self.control.check(agents)
                    while not (self.executor.idle and self.outbox.idle):
                        await asyncio.sleep(_DRAIN_LOOK)
            except TimeoutError:
                pass
            # The journal may know of agents that this pass was not asked about.
            return fleets.narrowed(await self.picture(), {*self._plan.agents, *SCOPES})

        return await self._briefly((self.roster.run, self.outbox.run), judge)

    async def look(self) -> bytes:
        """Read every file, judge nothing, and return the page."""
        self.gate.tell(Blinded("only looking"))

        async def page() -> bytes:
            for agent in self.roster:
                await agent.look()
            return await self.snapshots.render()

        return await self._briefly((), page)

    async def _briefly(self, services: Sequence[Service], work: Callable[[], Awaitable[T]]) -> T:
        """Live for as long as `work` takes; the agents that we run go on without us."""
        self.roster.minding = False
        self._restore(await self.journal.open())
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(service()) for service in (self.journal.run, *services)]
                result = await work()
                for task in tasks:
                    task.cancel()
        finally:
            await self._close()
        return result

    async def _until_ready(self, begun: float) -> None:
        listed = asyncio.ensure_future(self._listed.wait())
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({listed, stopped}, return_when=asyncio.FIRST_COMPLETED)
        listed.cancel()
        stopped.cancel()
        if self._stop.is_set():
            return
        self._ready = True
        self.gate.tell(Sighted(_BEGINNING))
        self.journal.note(SupervisorReady(self._world.clock.now() - begun, self._world.control))
        self._world.watchdog.notify(READY=1, STATUS=f"watching {len(self.roster)} agents")

    async def _close(self) -> None:
        await self.executor.close()
        if self.roster.minding:
            await self.roster.close()
        change = Change(facts={"alive_at": repr(self._world.clock.now())})
        self.roster.unsaved(change)
        self.journal.post(change)
        await self.journal.flush()
        await self._world.store.close()
        for notifier in self.outbox.use({}):
            await notifier.close()

    # --- services ---

    def _services(self) -> dict[str, Service]:
        world = self._world
        router = Router(
            world.source,
            world.clock,
            self.journal,
            self.reader,
            self.gate,
            heartbeats=world.heartbeats,
            config=world.config,
            on_config=self.reload_soon,
            on_listed=self._listed.set,
        )
        pulse = Pulse(
            world.clock,
            self.journal,
            self.roster,
            self.desk,
            self.gate,
            world.watchdog,
            {
                "watcher": (lambda: router.ticked_at, world.source_standstill),
                "timers": (lambda: self.desk.ticked_at, _STANDSTILL),
                "outbox": (lambda: self.outbox.ticked_at, _STANDSTILL),
            },
            interval=world.pulse,
        )
        return {
            "journal": self.journal.run,
            "agents": self.roster.run,
            "incidents": self.desk.run,
            "outbox": self.outbox.run,
            "reader": self.reader.run,
            "watcher": router.run,
            "gate": self.gate.run,
            "pulse": pulse.run,
        }

    def _extras(self) -> dict[str, Service]:
        """Return what the supervision can do without for a while."""
        return {
            "dashboard": self.snapshots.run,
            "configuration": self._reload_on_change,
            "housekeeping": self._prune,
        }

    async def _reload_on_change(self) -> None:
        while True:
            await self._config_changed.wait()
            self._config_changed.clear()
            try:
                await self.reload()
            except RefusedError:
                continue

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING)
            await self._world.store.prune(self._world.clock.now() - self._plan.retention)

    # --- state ---

    def readiness(self) -> str | None:
        """Return None when every agent is watched, else what is missing."""
        return None if self._ready else "the heartbeat files are being read for the first time"

    async def picture(self) -> Fleet:
        """Return everything as it is now, put together away from the event loop."""
        return await self._world.think(self.capture())

    def capture(self) -> Callable[[], Fleet]:
        """Return what makes the picture of this moment: it holds values only, and runs in any thread."""
        now = self._world.clock.now()
        agents = [(agent.name, agent.key, agent.health, agent.plan) for agent in self.roster]
        silences = tuple(self.desk.silences.values())
        incidents = self.desk.open_incidents()
        trusted = self.gate.trusted
        doubts = tuple(doubt.value for doubt in self.gate.gate.why)
        strangers = tuple(sorted(self.reader.strangers))

        def build() -> Fleet:
            views = fleets.worst_first(
                fleets.view(
                    name,
                    health,
                    now=now,
                    heartbeat_timeout=plan.policy.heartbeat_timeout,
                    restarter=plan.kind,
                    silenced=silenced_until(silences, key, now) is not None,
                    observed=trusted,
                )
                for name, key, health, plan in agents
            )
            status = fleets.overall(views, incidents, observed=trusted)
            return Fleet(now, status, views, incidents, trusted, doubts, strangers)

        return build

    def _everything(self) -> Change:
        return Change(
            agents={agent.name: agent.health for agent in self.roster},
            incidents={incident.id: incident for incident in self.desk.open_incidents()},
            deliveries=dict(self.desk.deliveries),
            silences=dict(self.desk.silences),
            facts={"boot": self._world.boot},
        )

    def _restore(self, saved: Saved) -> None:
        now = self._world.clock.now()
        alive_at = float(saved.facts.get("alive_at", now))
        rebooted = saved.facts.get("boot", self._world.boot) != self._world.boot
        self.desk.restore(saved.incidents, saved.deliveries, saved.silences)
        self.gate.restore(incident=self.desk.find(FLEET_KEY) is not None)
        change = Change(facts={"boot": self._world.boot})
        for name, plan in self._plan.agents.items():
            agent = self.roster.add(name, plan, saved.agents.get(name))
            due = agent.health.due
            if rebooted and due is not None:
                # The agents began with the machine, as we did: they have their start period.
                agent.move_time(TimeLost(max(0.0, now + plan.policy.start_period - due)))
        # One pass may look at a few agents only; what is known of the others is not its business.
        for name in saved.agents.keys() - self._plan.agents.keys() if self.roster.minding else ():
            change.forgotten.append(name)
            self.desk.resolve(change, f"{name}:heartbeat", "the agent is watched no more")
        self.outbox.use({name: make() for name, (_, make) in self._plan.channels.items()})
        change.records.append(
            SupervisorStarted(
                self._world.version,
                self._world.pid,
                len(self.roster),
                self._world.journal,
                None if self._world.config is None else str(self._world.config),
                max(0.0, now - alive_at) if "alive_at" in saved.facts else None,
            )
        )
        change.records.extend(JournalRestored(note) for note in saved.notes)
        self.journal.post(change)

    def _push(self, delivery: Delivery) -> None:
        self.outbox.push(delivery)

    def _release(self) -> None:
        self.roster.wake_all()

    def _adopt(self, name: str) -> bool:
        if self._plan.default is None:
            return False
        self.roster.add(name, self._plan.default(name))
        return True

    # --- reload ---

    async def reload(self) -> dict[str, list[str]]:
        """Read the configuration again. Raises RefusedError with what is wrong: the old one stays."""
        file = str(self._world.config or "")
        try:
            plan = await self._world.load_plan()
        except RefusedError as error:
            self.journal.note(ConfigRejected(file, str(error)))
            raise
        differ = plans_differ(self._plan.agents, plan.agents)
        await self._replan(plan, differ)
        if plan != self._plan or any(differ.values()):
            self._plan = plan
            self.journal.note(ConfigReloaded(file, **differ))
            self.snapshots.touch()
        return differ

    async def _replan(self, plan: Plan, differ: dict[str, list[str]]) -> None:
        self.desk.chain = plan.chain
        self.gate.policy = plan.gate
        self.reader.skew_limit = plan.skew_limit
        self.snapshots.interval = plan.dashboard_interval
        self.snapshots.min_interval = plan.dashboard_min_interval
        await self._use_channels(plan)
        change = Change()
        for name in differ["removed"]:
            await self.roster.remove(name, change, "the agent is watched no more")
            self.reader.forget(name)
        for name in differ["changed"] + differ["added"]:
            if name in self.roster:
                await self.roster.replan(name, plan.agents[name])
            else:
                self._welcome(name, plan.agents[name])
        await self.journal.commit(change)

    def _welcome(self, name: str, plan: AgentPlan) -> None:
        self.reader.strangers.pop(name, None)
        self.roster.add(name, plan)
        self._world.source.relist(f"{name} was added")

    async def _use_channels(self, plan: Plan) -> None:
        old = self._plan.channels
        kept = self.outbox.notifiers
        notifiers = {
            name: kept[name] if name in kept and name in old and old[name][0] == config else make()
            for name, (config, make) in plan.channels.items()
        }
        for notifier in self.outbox.use(notifiers):
            await notifier.close()
