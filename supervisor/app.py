"""The roof: the only place that names concrete classes and introduces them to each other."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import aiofiles
import aiofiles.os

from supervisor import __version__
from supervisor.clocks import SystemClock
from supervisor.config_errors import ConfigError
from supervisor.domain.delivery import Outcome
from supervisor.domain.fleet import Fleet
from supervisor.domain.metrics import Metrics
from supervisor.domain.readings import Readings
from supervisor.domain.records import Record
from supervisor.faces import dashboard as page
from supervisor.faces.api.door import Rules
from supervisor.faces.documents import watches_document
from supervisor.faces.http import HttpFace
from supervisor.faces.languages.language import language
from supervisor.faces.lines import row_fields
from supervisor.faces.logs import LibraryHandler, LogSink, configure
from supervisor.faces.metrics import exposition
from supervisor.faces.sdnotify import SystemdWatchdog
from supervisor.filesystem import RealFiles, append_only, everyone_reads, write_atomic
from supervisor.formats import heartbeat
from supervisor.formats.activity import Activity
from supervisor.planning import AGENTS, plan_of
from supervisor.ports import Clock, Control, RefusedError, Row, Store
from supervisor.restarters._leftovers import clear
from supervisor.runtime.alarm import alarm as raise_alarm
from supervisor.runtime.bookreader import BookPlaces
from supervisor.runtime.brief import BriefDaemon
from supervisor.runtime.daemon import Daemon
from supervisor.runtime.plan import PageKind, PagePlan, Plan
from supervisor.runtime.world import World
from supervisor.settings import Settings
from supervisor.sources.files import FileSource, Pace, Root
from supervisor.stores.memory import MemoryStore
from supervisor.stores.sqlite import SqliteStore
from supervisor.workers import Worker

T = TypeVar("T")
D = TypeVar("D", bound=Daemon)

PAYMENT_QUEUE = "payment_queue.json"
"""A queue of JSON lines, in spite of its name; it lies in the cache folder itself."""

_LOOKS = 4


def run(
    settings: Settings, *, reload: Callable[[], Settings], log_format: str | None = None, clock: Clock | None = None
) -> int:
    """Run the daemon until it is told to stop, by another clock where one is given; return the exit code.

    Raises StoreLockedError, OSError where it can not begin, ServiceExhaustedError where it can not go on.
    """
    try:
        return asyncio.run(_run(settings, reload, log_format, clock))
    except ExceptionGroup as group:
        raise _first(group) from None


def _first(error: Exception) -> Exception:
    """Return what went wrong first, out of the groups that it came in."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def check(settings: Settings, agents: Sequence[str]) -> Fleet:
    """Judge once, on the journal and the files, and carry out what follows. Raises StoreLockedError."""
    return asyncio.run(_with_daemon(settings, BriefDaemon, lambda daemon: daemon.once(agents)))


def dashboard(settings: Settings) -> bytes:
    """Return the page as the journal and the files give it, and judge nothing. Raises StoreLockedError."""
    return asyncio.run(_with_daemon(settings, BriefDaemon, lambda daemon: daemon.look()))


def reconcile(settings: Settings) -> Fleet:
    """Read and compare the books once, and change nothing. Raises StoreLockedError."""
    return asyncio.run(_with_daemon(settings, BriefDaemon, lambda daemon: daemon.reconcile()))


def metrics(settings: Settings, window: float) -> Metrics:
    """Return the figures of the last `window` seconds, and change nothing. Raises StoreLockedError."""
    return asyncio.run(_with_daemon(settings, BriefDaemon, lambda daemon: daemon.measure(window)))


def test_notify(settings: Settings, channel: str | None) -> dict[str, Outcome]:
    """Send a test message through `channel`, or through each. Raises UnknownNameError."""

    async def send(daemon: Daemon) -> dict[str, Outcome]:
        daemon.outbox.use({name: channel.make() for name, channel in plan_of(settings).channels.items()})
        try:
            return await daemon.outbox.test(channel, _user())
        finally:
            await daemon.outbox.close()

    return asyncio.run(_with_daemon(settings, BriefDaemon, send, store=MemoryStore()))


def alarm(settings: Settings, message: dict[str, Any], name: str) -> dict[str, Outcome]:
    """Tell everyone in the chain at once, whether a daemon runs or not; see `runtime.alarm`."""
    return asyncio.run(raise_alarm(plan_of(settings), message, name, SystemClock().now()))


async def _run(
    settings: Settings, reload: Callable[[], Settings], log_format: str | None, clock: Clock | None = None
) -> int:
    sink = _sink(settings, log_format or settings.log.format)
    libraries = LibraryHandler(sink)
    logging.getLogger().addHandler(libraries)
    try:
        await _with_daemon(settings, Daemon, _live, reload=reload, sink=sink, store=_journal(settings), clock=clock)
    finally:
        logging.getLogger().removeHandler(libraries)
        await asyncio.to_thread(sink.close)
    return 0


async def _live(daemon: Daemon) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop, f"signal {signal.Signals(number).name}")
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_soon)
    await daemon.run()


async def _with_daemon(
    settings: Settings,
    make: type[D],
    use: Callable[[D], Awaitable[T]],
    *,
    reload: Callable[[], Settings] | None = None,
    sink: LogSink | None = None,
    store: Store | None = None,
    clock: Clock | None = None,
) -> T:
    """Make a daemon and everything it needs, and let go of it all afterwards."""
    # A file system that hangs holds up one kind of work; whoever asks waits for none.
    workers = [Worker(name) for name in ("reader", "thinker", "books", "page-writer", "beat-writer", "metrics-writer")]
    workers.append(Worker("looker", _LOOKS))  # a disk that hangs under one agent's files holds up few of the others'
    try:
        store, clock = store or _journal(settings), clock or SystemClock()
        world = _world(settings, workers, reload or (lambda: settings), sink, store, clock)
        return await use(make(plan_of(settings), world))
    finally:
        for worker in workers:
            worker.close()


def _world(
    settings: Settings,
    workers: Sequence[Worker],
    reload: Callable[[], Settings],
    sink: LogSink | None,
    store: Store,
    clock: Clock,
) -> World:
    read, think, reckon, write_page, write_beats, write_metrics, look = workers
    places = settings.paths

    def emit(record: Record, at: float) -> None:
        if sink is not None:
            sink.emit(record, at)

    async def render(
        capture: Callable[[], Fleet],
        history: Sequence[Row],
        figures: Metrics | None,
        now: float,
        plan: PagePlan,
        kind: PageKind,
    ) -> bytes:
        return await think(
            lambda: page.render(
                capture(),
                history,
                figures,
                now=now,
                next_due=now + plan.interval,
                stale_after=2 * plan.interval,
                speech=language(plan.language, plan.time_zone),
                live=kind is not PageKind.SNAPSHOT,
                acting=kind is PageKind.ACTING,
            )
        )

    async def write(path: Path, data: bytes) -> None:
        await write_page(lambda: _write(path, data))

    async def write_textfile(path: Path, readings: Readings) -> None:
        await write_metrics(lambda: _write(path, exposition(readings, __version__)[0]))

    async def load_plan() -> Plan:
        return await asyncio.to_thread(_new_plan, settings, reload)

    async def write_beat(agent: str, document: dict[str, Any]) -> None:
        await _append_beat(places.heartbeats, agent, document, write_beats.pool)

    @asynccontextmanager
    async def face(control: Control) -> AsyncIterator[Callable[[object], Awaitable[None]]]:
        watches = watches_document(places, _config(settings))
        http = HttpFace(control, places.socket, __version__, watches, lambda record: emit(record, clock.now()))
        await http.start()
        # What is here now stays: a full collection need not look at it again.
        gc.freeze()

        async def serve(rules: object) -> None:
            await http.use(rules if isinstance(rules, Rules) else None)

        try:
            yield serve
        finally:
            await http.close()

    watch = settings.watch
    pace = Pace(watch.step, watch.debounce, walk_every=watch.walk_every, poll_every=watch.poll_every)
    return World(
        clock=clock,
        store=store,
        source=FileSource(_roots(settings), pace),
        files=RealFiles(),
        watchdog=SystemdWatchdog(os.environ),
        emit=emit,
        fields=row_fields,
        read=read,
        think=think,
        reckon=reckon,
        look=look,
        render=render,
        write=write,
        page_events=page.EVENTS,
        write_textfile=write_textfile,
        write_beat=write_beat,
        remove_beats=lambda agent: write_beats(lambda: _remove_beats(places.heartbeats, agent)),
        token=lambda: secrets.token_hex(4),
        clear_leftovers=lambda watched, before: asyncio.to_thread(clear, places.data / AGENTS, watched, before),
        load_plan=load_plan,
        face=face,
        heartbeats=places.heartbeats,
        books=BookPlaces(
            state=places.state,
            ledger=places.ledger,
            event_log=places.event_log,
            queues=places.queues,
            payment_queue=places.cache / PAYMENT_QUEUE,
        ),
        activity_logs=places.cache,
        dashboard=places.dashboard,
        journal=str(_journal_path(settings)),
        control=str(places.socket),
        config=_config(settings),
        version=__version__,
        pid=os.getpid(),
        boot=_boot_id(),
        source_standstill=3 * settings.watch.walk_every + 60.0,
    )


def _new_plan(settings: Settings, reload: Callable[[], Settings]) -> Plan:
    """Return the plan of the configuration as it is now. It blocks. Raises RefusedError."""
    try:
        new = reload()
    except ConfigError as error:
        raise RefusedError(str(error)) from error
    if new.paths != settings.paths:
        raise RefusedError("[paths] can not change while the daemon runs: restart it")
    return plan_of(new)


def _roots(settings: Settings) -> tuple[Root, ...]:
    places = settings.paths
    cache_files = frozenset({PAYMENT_QUEUE, *Activity})
    roots = [
        Root(places.heartbeats, recursive=False),
        Root(places.queues, recursive=False),
        Root(places.state),
        Root(places.cache, recursive=False, names=cache_files),
    ]
    for file in (places.ledger, places.event_log):
        if not file.is_relative_to(places.state):
            roots += [Root(file.parent, recursive=False, names=frozenset({file.name}))]
    config = _config(settings)
    if config is not None:
        roots.append(Root(config.parent, recursive=False, names=frozenset({config.name}), follow=True))
    return tuple(roots)


def _config(settings: Settings) -> Path | None:
    """Return the configuration's file; a relative path is so to where we were started."""
    return None if settings.source is None else settings.source.absolute()


def _sink(settings: Settings, form: str) -> LogSink:
    if form == "auto":
        form = "console" if sys.stdout is not None and sys.stdout.isatty() else "json"
    return configure("console" if form == "console" else "json", settings.log.level, sys.stdout)


def _journal_path(settings: Settings) -> Path:
    return settings.paths.data / "journal.db"


def _journal(settings: Settings) -> SqliteStore:
    return SqliteStore(_journal_path(settings))


def _write(path: Path, data: bytes) -> None:
    """Write what is meant for others: the page, the metrics."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data, everyone_reads)


async def _append_beat(folder: Path, agent: str, document: dict[str, Any], pool: Executor) -> None:
    """Append a line to the agent's log, in one write. Raises RefusedError."""
    line = json.dumps(document, allow_nan=False).encode()
    try:
        path = folder / f"{heartbeat.agent_name(agent)}.log"
        parsed = heartbeat.parse_lines(line, received=0.0)
        if parsed.bad or parsed.torn:
            raise RefusedError(parsed.bad[0].why if parsed.bad else "not a JSON object")
        await aiofiles.os.makedirs(folder, exist_ok=True, executor=pool)
        async with aiofiles.open(path, "ab", buffering=0, opener=append_only, executor=pool) as log:
            await log.write(line + b"\n")
    except (ValueError, OSError) as error:
        raise RefusedError(str(error)) from error


def _remove_beats(folder: Path, agent: str) -> None:
    for suffix in heartbeat.SUFFIXES:
        with suppress(OSError):
            (folder / f"{agent}{suffix}").unlink()


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return "unknown"


def _user() -> str:
    return os.environ.get("USER") or str(os.getuid())
