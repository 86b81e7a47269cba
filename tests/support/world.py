"""The whole daemon in virtual time, as a script: agents that beat, channels that hear, clocks that jump.

async with VirtualTown(a=agent()) as town:
    town.beat("a")
    await town.sleep("61m")
    assert town.logged("restart_started", agent="a")
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest

from supervisor.clocks import SystemClock
from supervisor.domain.fleet import AgentView, Fleet
from supervisor.domain.gate import GatePolicy
from supervisor.domain.maintenance import Window
from supervisor.domain.metrics import Metrics
from supervisor.domain.policy import Chain, Step
from supervisor.domain.readings import Readings
from supervisor.domain.records import Record
from supervisor.faces.dashboard import EVENTS
from supervisor.faces.lines import line_fields, row_fields
from supervisor.faces.metrics import exposition
from supervisor.formats import heartbeat
from supervisor.formats.duration import parse_duration
from supervisor.ports import Control, Notifier, Refresher, RefusedError, Restarter, Row
from supervisor.runtime.bookreader import BookPlaces
from supervisor.runtime.brief import BriefDaemon
from supervisor.runtime.daemon import Daemon
from supervisor.runtime.plan import AgentPlan, BooksPlan, ChannelPlan, PageKind, PagePlan, PingPlan, Plan, TextfilePlan
from supervisor.runtime.world import World
from tests.support.actors import ScriptedChannel, ScriptedRestarter
from tests.support.faults import Disk, FaultyStore, Roads
from tests.support.logcheck import check_document
from tests.support.machine import BEATS, EPOCH, VirtualMachine
from tests.support.townsfolk import AgentScript, Lent, LentBeacon, LentChannel, Logged, Watchdog, agent

VIRTUAL = pytest.mark.looptime(noop_cycles=0)
"""For every test here: hours pass in milliseconds."""

PAGE = Path("/dashboard.html")
CONFIG = Path("/config.toml")
STATE = Path("/state")
QUEUES = Path("/queues")
BOOKS = BookPlaces(
    STATE, STATE / "collections_ledger.md", STATE / "events.log", QUEUES, Path("/cache/payment_queue.json")
)

T = TypeVar("T")


@dataclass
class VirtualTown(VirtualMachine):
    """One machine with its files, agents, people, journal, and the lives of the supervisor on it."""

    agents: dict[str, AgentScript] = field(default_factory=dict)
    chain: Chain = Chain((Step("caine"),))
    gate: GatePolicy = GatePolicy()
    pulse: float = 60.0
    discover: bool = False
    stranger: AgentScript = field(default_factory=agent)
    boot: str = "boot-1"
    outbox_timeout: float = 10.0
    group_wait: float = 30.0
    retention: float = 30 * 86400.0
    books: BooksPlan = BooksPlan()
    textfile: TextfilePlan = TextfilePlan()
    ping: PingPlan = PingPlan()
    maintenance: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.roads = Roads()
        self.disk_reads = asyncio.Event()
        self.disk_reads.set()
        self.looks = asyncio.Event()
        self.looks.set()
        self._reading = asyncio.Lock()
        self.programs: dict[str, ScriptedRestarter] = {}
        self.channels: dict[str, ScriptedChannel] = {}
        self.channel_variants: dict[str, int] = {step.channel: 0 for step in self.chain.steps}
        self.records: list[Logged] = []
        self.tokens = count(1)
        self.pages: list[Fleet] = []
        self.served: list[object] = []
        self.http: object = None
        self.history: Sequence[Row] = ()
        self.figures: Metrics | None = None
        self.watchdog = Watchdog()
        self.cleared: list[tuple[float, list[str], float]] = []
        self.config_error: str | None = None
        self.page_error: Exception | None = None
        self.textfile_error: OSError | None = None
        self.prepare: Callable[[Daemon], None] = lambda _: None
        self.daemon: Daemon
        self.control: Control
        self._life: asyncio.Task[None] | None = None
        self._store: FaultyStore

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._life is not None and not self._life.done():
            await self.kill()
        for program in self.programs.values():
            await program.end()

    # --- lives ---

    async def start(self) -> None:
        """Begin a life of the supervisor, and wait until it is ready."""
        self._store = FaultyStore(self.disk)
        self.daemon = Daemon(self.plan(), self._world(self._store))
        self.prepare(self.daemon)
        self._life = asyncio.create_task(self.daemon.run(), name="life")
        while self.daemon.readiness() is not None:
            assert not self._life.done(), self._life.exception()
            await asyncio.sleep(0.001)

    async def once(self, *agents: str) -> Fleet:
        """Let a supervisor look once, without a life."""
        self._store = FaultyStore(self.disk)
        return await BriefDaemon(self.plan(), self._world(self._store)).once(agents)

    async def stop(self) -> None:
        """End this life as planned."""
        assert self._life is not None
        self.daemon.stop("asked to")
        await self._life

    async def kill(self) -> None:
        """End this life as SIGKILL does: nothing is written, sent or closed any more."""
        assert self._life is not None
        self._store.dead = True
        self._life.cancel()
        with suppress(asyncio.CancelledError):
            await self._life

    async def died(self) -> BaseException:
        """Return why this life has ended by itself."""
        assert self._life is not None
        await asyncio.wait({self._life})
        error = self._life.exception()
        assert error is not None
        return error

    async def again(self, *, boot: str | None = None) -> None:
        """Kill, and begin the next life."""
        await self.kill()
        self.boot = boot or self.boot
        await self.start()

    async def reload(self) -> dict[str, list[str]]:
        """Let the daemon read its configuration again."""
        return await self.control.reload()

    # --- agents and people ---

    def program(self, name: str) -> ScriptedRestarter:
        """Return the process of an agent."""
        return self.programs.setdefault(name, ScriptedRestarter())

    def channel(self, name: str = "caine") -> ScriptedChannel:
        """Return a channel."""
        return self.channels.setdefault(name, ScriptedChannel())

    # --- what came of it ---

    def logged(self, event: str, **fields: Any) -> list[Logged]:
        """Return the records of this name whose fields are these."""
        return [
            one
            for one in self.records
            if one.record.event() == event and all(getattr(one.record, key) == value for key, value in fields.items())
        ]

    def times(self, event: str, **fields: Any) -> list[float]:
        """Return when (s since the town began) these records were made."""
        return [one.t for one in self.logged(event, **fields)]

    def restarts(self, name: str) -> list[float]:
        """Return when (s since the town began) restarts of the agent began."""
        return [round(effect.begun - self.born, 6) for effect in self.program(name).effects]

    def heard(self, channel: str = "caine") -> list[tuple[float, str, str]]:
        """Return (s since the town began, kind, incident's key) of each message that came to a channel."""
        return [
            (round(said.at - self.born, 6), said.kind.value, str(said.delivery.message["key"]))
            for said in self.channel(channel).heard
        ]

    async def view(self, name: str) -> AgentView:
        """Return the agent as the faces see it."""
        fleet = await self.control.fleet()
        return next(view for view in fleet.agents if view.name == name)

    async def keys(self) -> set[str]:
        """Return the keys of the open incidents."""
        return {incident.key for incident in (await self.control.fleet()).incidents}

    # --- inside ---

    def plan(self) -> Plan:
        """Return the configuration as it stands."""
        return Plan(
            {name: self._agent_plan(name, script) for name, script in self.agents.items()},
            self.chain,
            self.gate,
            default=(lambda name: self._agent_plan(name, self.stranger)) if self.discover else None,
            channels={
                name: ChannelPlan(variant, self._notifier(name)) for name, variant in self.channel_variants.items()
            },
            books=self.books,
            outbox_timeout=self.outbox_timeout,
            group_wait=self.group_wait,
            retention=self.retention,
            http=self.http,
            textfile=self.textfile,
            ping=self.ping,
            maintenance=self.maintenance,
        )

    def _agent_plan(self, name: str, script: AgentScript) -> AgentPlan:
        make = self._lend(self.program(name)) if script.kind else None
        return AgentPlan(script.policy, script.kind, script.kind == "managed", script.variant, make)

    def _notifier(self, name: str) -> Callable[[], Notifier]:
        def lend() -> Notifier:
            channel = self.channel(name)
            road = self.roads.notifier
            return LentBeacon(channel, road) if isinstance(channel, Refresher) else LentChannel(channel, road)

        return lend

    def _lend(self, program: ScriptedRestarter) -> Callable[[], Restarter]:
        return lambda: Lent(program, self._store, self.roads.restarter)

    def _emit(self, store: FaultyStore) -> Callable[[Record, float], None]:
        def emit(record: Record, at: float) -> None:
            if not store.dead:
                check_document(line_fields(record, at))
                self.records.append(Logged(self.t, at, record))

        return emit

    async def _read(self, work: Callable[[], T]) -> T:
        async with self._reading:
            await self.disk_reads.wait()
            await asyncio.sleep(0)  # a thread's answer comes in a later turn of the loop
            return work()

    async def _look(self, work: Callable[[], T]) -> T:
        await self.looks.wait()
        return work()

    async def _think(self, work: Callable[[], T]) -> T:
        return work()

    async def _render(
        self,
        capture: Callable[[], Fleet],
        history: Sequence[Row],
        figures: Metrics | None,
        now: float,
        plan: PagePlan,
        kind: PageKind,
    ) -> bytes:
        if isinstance(self.page_error, Exception) and not isinstance(self.page_error, OSError):
            raise self.page_error
        self.pages.append(capture())
        self.history = history
        self.figures = figures
        return f"{now} {plan} {kind}".encode()

    async def _write_beat(self, name: str, document: dict[str, Any]) -> None:
        self.beat(name, **document)

    async def _remove_beats(self, name: str) -> None:
        for suffix in heartbeat.SUFFIXES:
            self.files.remove(BEATS / f"{name}{suffix}")

    async def _write(self, path: Path, data: bytes) -> None:
        if isinstance(self.page_error, OSError):
            raise self.page_error
        self.files.write(path, data, self.wall())

    async def _write_textfile(self, path: Path, readings: Readings) -> None:
        if self.textfile_error is not None:
            raise self.textfile_error
        self.files.write(path, exposition(readings, "0")[0], self.wall())

    async def _clear_leftovers(self, watched: Collection[str], before: float) -> None:
        self.cleared.append((self.t, sorted(watched), before - EPOCH))

    async def _load_plan(self) -> Plan:
        if self.config_error is not None:
            raise RefusedError(self.config_error)
        return self.plan()

    @asynccontextmanager
    async def _face(self, control: Control) -> AsyncIterator[Callable[[object], Awaitable[None]]]:
        self.control = control

        async def serve(rules: object) -> None:
            self.served.append(rules)

        yield serve

    def _world(self, store: FaultyStore) -> World:
        return self.roads.lead_to(self._sound_world(store))

    def _sound_world(self, store: FaultyStore) -> World:
        return World(
            clock=SystemClock(
                steady=self.loop.time, wall=self.wall, boot=lambda: self.loop.time() - self.born + self.slept
            ),
            store=store,
            source=self.source,
            files=self.files,
            watchdog=self.watchdog,
            emit=self._emit(store),
            fields=row_fields,
            read=self._read,
            think=self._think,
            reckon=self._think,
            look=self._look,
            render=self._render,
            write=self._write,
            page_events=EVENTS,
            write_textfile=self._write_textfile,
            write_beat=self._write_beat,
            remove_beats=self._remove_beats,
            token=lambda: f"{next(self.tokens):08x}",
            clear_leftovers=self._clear_leftovers,
            load_plan=self._load_plan,
            face=self._face,
            heartbeats=BEATS,
            books=BOOKS,
            activity_logs=BOOKS.payment_queue.parent,
            dashboard=PAGE,
            journal="memory",
            control="none",
            config=CONFIG,
            version="0",
            pid=1,
            boot=self.boot,
            source_standstill=1e9,
            pulse=self.pulse,
        )


def town(*, chain: Any = (("caine", "0s"),), max_rounds: int | None = None, **rest: Any) -> VirtualTown:
    """Return a town. `chain`: channel and delay of each step; agents by name; what else `VirtualTown` takes.

    Where the chain is a single step, it is repeated every four hours alone, unless `max_rounds` says otherwise.
    """
    known = {name: rest.pop(name) for name in list(rest) if name in VirtualTown.__dataclass_fields__}
    steps = tuple(Step(channel, parse_duration(delay)) for channel, delay in chain)
    rounds = max_rounds if max_rounds is not None else 5 if len(steps) > 1 else 0
    return VirtualTown(agents=rest, chain=Chain(steps, rounds), **known)


def near(*seconds: float) -> Any:
    """Return what equals one time, or a list of several, to a tenth of a second."""
    return pytest.approx(seconds[0] if len(seconds) == 1 else list(seconds), abs=0.1)
