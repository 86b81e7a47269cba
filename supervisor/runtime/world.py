"""What a life of the supervisor finds around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.domain.readings import Readings
from supervisor.domain.records import Record
from supervisor.ports import Clock, Control, Files, Offload, Source, Store, Watchdog
from supervisor.runtime.bookreader import BookPlaces
from supervisor.runtime.plan import Plan
from supervisor.runtime.pulse import INTERVAL
from supervisor.runtime.snapshots import Render, Write


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside the runtime that it works with, made by the roof.

    Args:
        emit: writes a record, made at a time (s since the epoch), to the log.
        fields: returns a record's fields as the journal keeps them.
        read, think, reckon: run blocking reads, long computations, and the work on the books, each one at a time, away
            from the event loop.
        look: runs looks at files that agents make, a few at a time, away from the event loop.
        page_events: the kept log records that the page tells of, by name.
        face: serves a control as long as its context lasts; what it yields takes a plan's `http`.
        write_textfile: replaces a file with the metrics, away from the event loop; raises OSError.
        remove_beats: removes every heartbeat file that an agent may have.
        token: returns eight hex digits, others each time.
        clear_leftovers: removes what restarts have left of agents other than these, where it is older than a time (s
            since the epoch), away from the event loop.
        load_plan: reads the configuration again; raises RefusedError with what is wrong.
        activity_logs: the folder of the agents' activity logs.
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
    reckon: Offload
    look: Offload
    render: Render
    write: Write
    page_events: Collection[str]
    write_textfile: Callable[[Path, Readings], Awaitable[None]]
    write_beat: Callable[[str, dict[str, Any]], Awaitable[None]]
    remove_beats: Callable[[str], Awaitable[None]]
    token: Callable[[], str]
    clear_leftovers: Callable[[Collection[str], float], Awaitable[None]]
    load_plan: Callable[[], Awaitable[Plan]]
    face: Callable[[Control], AbstractAsyncContextManager[Callable[[object], Awaitable[None]]]]
    heartbeats: Path
    books: BookPlaces
    activity_logs: Path
    dashboard: Path
    journal: str
    control: str
    config: Path | None
    version: str
    pid: int
    boot: str
    source_standstill: float
    pulse: float = INTERVAL
