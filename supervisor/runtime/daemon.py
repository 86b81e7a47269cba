"""The daemon's life: bring the parts together, watch, reload, drain. Concrete classes are named by the roof only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from supervisor.domain.delivery import Delivery
from supervisor.domain.fleet import Fleet
from supervisor.domain.gate import Blinded, Doubt, Sighted
from supervisor.domain.readings import Readings
from supervisor.domain.records import BooksProgress, Record, SupervisorReady, SupervisorStopping
from supervisor.ports import Saved
from supervisor.runtime.activities import Activities
from supervisor.runtime.agents import Tools
from supervisor.runtime.change import Change
from supervisor.runtime.configuration import Configuration
from supervisor.runtime.control import DaemonControl
from supervisor.runtime.desk import Desk
from supervisor.runtime.drills import Drills
from supervisor.runtime.executor import Executor
from supervisor.runtime.gatekeeper import Gatekeeper
from supervisor.runtime.instruments import Instruments
from supervisor.runtime.journal import Journal
from supervisor.runtime.lookout import Lookout
from supervisor.runtime.measures import Measures
from supervisor.runtime.outbox import Outbox
from supervisor.runtime.past import Past
from supervisor.runtime.picture import Picture
from supervisor.runtime.pings import Pings
from supervisor.runtime.plan import Plan
from supervisor.runtime.pulse import Pulse
from supervisor.runtime.reader import Reader
from supervisor.runtime.readiness import Readiness
from supervisor.runtime.reconciler import Reconciler
from supervisor.runtime.recovery import Recovery
from supervisor.runtime.roster import Roster
from supervisor.runtime.router import Router
from supervisor.runtime.sender import Sender
from supervisor.runtime.services import LAW, LAW_OF_EXTRAS, keep
from supervisor.runtime.snapshots import Snapshots
from supervisor.runtime.textfile import Textfile
from supervisor.runtime.world import World

_BEGINNING = "the first reading"
_FIRST_HOUSEKEEPING = 300.0
"""Longest time (s) to the first turn of housekeeping: who is never up for an hour keeps house, too."""

_HOUSEKEEPING = 3600.0
"""Longest time (s) between two turns of it; a shorter retention has more of them."""

_TURNS_OF_RETENTION = 10
_STANDSTILL = 60.0

Service = Callable[[], Coroutine[Any, Any, None]]


class Daemon:
    """One life of the supervisor."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._world = world
        self._stop = asyncio.Event()
        self._why = "asked to"
        self._listed = asyncio.Event()
        self._readiness = Readiness(world.watchdog)
        clock = world.clock
        self.journal = Journal(world.store, clock, self._emit, world.fields, self._everything, self._inherit)
        self.desk = Desk(plan.chain, clock, self.journal, self._push)
        self.desk.silencer.use(plan.maintenance)
        sender = Sender(self.desk, self.journal, clock, plan.outbox_timeout, plan.group_wait, plan.links)
        self.outbox = Outbox(self.desk, self.journal, clock, sender)
        self.executor = Executor()
        self.lookout = Lookout(world.files, self.journal, world.look)
        self.reader = Reader(
            world.heartbeats,
            world.files,
            clock,
            self.journal,
            skew_limit=plan.skew_limit,
            offload=world.read,
            look_at_clock=self._look_at_clock,
        )
        self.gate = Gatekeeper(
            plan.gate,
            clock,
            self.journal,
            self.desk,
            reread=world.source.relist,
            release=self._release,
        )
        self.books = Reconciler(
            plan.books,
            world.books,
            world.files,
            world.reckon,
            clock,
            self.journal,
            self.desk,
            relist=world.source.relist,
            on_totals=self._touch,
            on_progress=self._tell_progress,
        )
        self._past = Past(world.store, world.think)
        activities = Activities(world.activity_logs, world.files, clock.now())
        measures = Measures(activities, self.books, self._past, clock, world.reckon)
        self.snapshots = Snapshots(
            world.dashboard,
            clock,
            self.journal,
            world.store,
            measures,
            capture=self._capture,
            render=world.render,
            write=world.write,
            events=world.page_events,
            plan=plan.page,
        )
        self._textfile = Textfile(plan.textfile, self.journal, read=self.readings, write=world.write_textfile)
        self._pings = Pings(plan.ping, self.journal, well=self._well)
        tools = Tools(
            clock,
            self.journal,
            self.desk,
            self.executor,
            self.gate,
            self.reader.read,
            self.lookout.newest,
            self.books.restarted,
        )
        self.roster = Roster(tools)
        self._configuration = Configuration(
            plan,
            world,
            self.journal,
            self.desk,
            self.outbox,
            self.gate,
            self.reader,
            self.roster,
            self.snapshots,
            self.books,
            self._textfile,
            self._pings,
            self._readiness,
        )
        self.reader.bind(self.roster, self.gate, self._configuration.adopt)
        self._recovery = Recovery(
            world, self.journal, self.desk, self.outbox, self.gate, self.roster, self._configuration, self.books
        )
        self._picture = Picture(
            clock,
            self.roster,
            self.desk,
            self.gate,
            self.reader,
            self.books,
            self._past,
            self.snapshots,
            boot=world.boot,
        )
        self._drills = Drills(
            clock, self.journal, self.roster, self.reader, token=world.token, remove_beats=world.remove_beats
        )
        self.control = DaemonControl(
            clock,
            self.journal,
            world.store,
            self.desk,
            self.outbox,
            self.roster,
            self.snapshots,
            self.books,
            measures,
            self._drills,
            picture=self.picture,
            readings=self.readings,
            readiness=self.readiness,
            reload=self._configuration.reload,
            write_beat=world.write_beat,
        )
        self._router = Router(
            world.source,
            clock,
            self.journal,
            self.reader,
            self.gate,
            self.books,
            heartbeats=world.heartbeats,
            config=world.config,
            on_config=self._configuration.reload_soon,
            on_listed=self._when_listed,
        )
        self._pulse = Pulse(
            clock,
            self.journal,
            self.roster,
            self.desk,
            self.gate,
            self.books,
            self._readiness,
            {
                "watcher": (lambda: self._router.ticked_at, world.source_standstill),
                "timers": (lambda: self.desk.ticked_at, _STANDSTILL),
                "outbox": (lambda: self.outbox.ticked_at, _STANDSTILL),
            },
            interval=world.pulse,
        )
        self._instruments = Instruments(self._configuration, measures, self._pulse, self.picture)

    # --- life ---

    def stop(self, why: str) -> None:
        """Ask for a planned end."""
        self._why = why
        self._stop.set()
        self._listed.set()

    def reload_soon(self) -> None:
        """Read the configuration again as soon as can be."""
        self._configuration.reload_soon()

    async def run(self) -> None:
        """Live until `stop`. Raises StoreLockedError where another daemon has the journal."""
        begun = self._world.clock.now()
        saved = await self.journal.open()
        self.gate.tell(Blinded(_BEGINNING, Doubt.STARTED))
        self._recovery.begin(saved)
        self._drills.take_over(saved)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(keep(name, service, self.journal, law), name=name)
                    for law, services in ((LAW, self._services()), (LAW_OF_EXTRAS, self._extras()))
                    for name, service in services.items()
                ]
                async with self._world.face(self.control) as serve:
                    await self._configuration.bind(serve)
                    await self._until_ready(begun)
                    await self._stop.wait()
                    self.journal.note(SupervisorStopping(self._why))
                    self._readiness.stopping(self._why)
                for task in tasks:
                    task.cancel()
        finally:
            await self._close()

    async def _until_ready(self, begun: float) -> None:
        await self._listed.wait()
        if self._stop.is_set():
            return
        self.gate.tell(Sighted(_BEGINNING))
        self.journal.note(SupervisorReady(self._world.clock.now() - begun, self._world.control))
        self._readiness.began(self._pulse.standing())

    async def _close(self) -> None:
        await self.executor.close()
        if self._stop.is_set():  # else the next life takes over the agents that we run
            await self.roster.close()
        self._pulse.checkpoint()
        await self.journal.close()
        await self.outbox.close()

    # --- services ---

    def _services(self) -> dict[str, Service]:
        return {
            "journal": self.journal.run,
            "agents": self.roster.run,
            "incidents": self.desk.run,
            "outbox": self.outbox.run,
            "reader": self.reader.run,
            "watcher": self._router.run,
            "gate": self.gate.run,
            "books": self.books.run,
            "pulse": self._pulse.run,
        }

    def _extras(self) -> dict[str, Service]:
        """Return what the supervision can do without for a while."""
        return {
            "dashboard": self.snapshots.run,
            "textfile": self._textfile.run,
            "ping": self._pings.run,
            "drills": self._drills.run,
            "configuration": self._configuration.run,
            "housekeeping": self._keep_house,
        }

    async def _keep_house(self) -> None:
        longest = _FIRST_HOUSEKEEPING
        while True:
            await asyncio.sleep(min(longest, self._configuration.plan.retention / _TURNS_OF_RETENTION))
            longest = _HOUSEKEEPING
            await self._configuration.forget_gone()
            before = self._world.clock.now() - self._configuration.plan.retention
            await self._world.store.prune(before)
            await self._world.clear_leftovers({agent.name for agent in self.roster}, before)

    # --- state ---

    def readiness(self) -> str | None:
        """Return None when every agent is watched, else what is missing."""
        return None if self._readiness.ready else "the heartbeat files are being read for the first time"

    async def picture(self, agents: Collection[str] = ()) -> Fleet:
        """Return everything, or only these agents, as it is now, put together away from the event loop."""
        return await self._world.think(self._picture.capture(agents))

    async def readings(self) -> Readings:
        """Return what monitoring reads off us, now."""
        return await self._instruments.read()

    # --- what the parts ask of one another, made before they are ---

    def _push(self, delivery: Delivery) -> None:
        self.outbox.push(delivery)

    def _well(self) -> bool:
        """Whether the watchdog would be fed."""
        return not self._pulse.hung()

    def _release(self) -> None:
        self.roster.gate_opened()

    def _look_at_clock(self) -> None:
        self._pulse.look_at_clock()

    def _tell_progress(self, done: int, total: int) -> None:
        self.journal.note(BooksProgress(done, total))
        self._pulse.reading = done, total

    def _emit(self, record: Record, at: float) -> None:
        self._instruments.see(record)
        self._world.emit(record, at)
        self.snapshots.see(record)

    def _touch(self) -> None:
        self.snapshots.touch()

    def _everything(self) -> Change:
        return self._picture.everything()

    def _inherit(self, saved: Saved) -> None:
        self._recovery.late(saved)
        self._drills.take_over(saved)

    def _capture(self) -> Callable[[], Fleet]:
        return self._picture.capture()

    def _when_listed(self) -> None:
        self._listed.set()
        self._configuration.look()  # a folder that was replaced may bring no hint of the file in it
