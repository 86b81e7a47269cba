"""What people see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supervisor.domain.records.base import Level, Record


@dataclass(frozen=True, slots=True)
class DashboardWritten(Record):
    """The dashboard was written."""

    LEVEL: ClassVar[Level] = "debug"
    KEPT: ClassVar[bool] = False
    file: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DashboardFailed(Record):
    """The dashboard could not be written; the old page stays."""

    LEVEL: ClassVar[Level] = "error"
    file: str
    error: str


@dataclass(frozen=True, slots=True)
class HttpListening(Record):
    """The API is served at this address, besides the control socket."""

    KEPT: ClassVar[bool] = False
    address: str


@dataclass(frozen=True, slots=True)
class HttpFailed(Record):
    """The API can not be served at this address; it is tried again. All else goes on."""

    LEVEL: ClassVar[Level] = "error"
    KEPT: ClassVar[bool] = False
    address: str
    error: str


@dataclass(frozen=True, slots=True)
class LogDropped(Record):
    """Log records were lost: standard output was full, slow or closed. The journal keeps its own."""

    LEVEL: ClassVar[Level] = "warning"
    KEPT: ClassVar[bool] = False
    count: int
