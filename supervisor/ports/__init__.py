"""What the runtime asks of the world. The only package with Protocols."""

from supervisor.ports.acting import Exit, Keeper, Notifier, Refresher, Restarter, RestartOutcome
from supervisor.ports.control import Control, RefusedError, UnknownNameError
from supervisor.ports.machine import (
    Alive,
    Changed,
    Clock,
    FileRead,
    Files,
    FileTail,
    NotRegularError,
    Offload,
    Ping,
    Relisted,
    Source,
    Watchdog,
    WatchLost,
    WatchRestored,
)
from supervisor.ports.store import Entry, History, Row, Saved, Store, StoreError, StoreLockedError

__all__ = [
    "Alive",
    "Changed",
    "Clock",
    "Control",
    "Entry",
    "Exit",
    "FileRead",
    "FileTail",
    "Files",
    "History",
    "Keeper",
    "NotRegularError",
    "Notifier",
    "Offload",
    "Ping",
    "Refresher",
    "RefusedError",
    "Relisted",
    "RestartOutcome",
    "Restarter",
    "Row",
    "Saved",
    "Source",
    "Store",
    "StoreError",
    "StoreLockedError",
    "UnknownNameError",
    "WatchLost",
    "WatchRestored",
    "Watchdog",
]
