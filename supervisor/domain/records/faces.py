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
class LogDropped(Record):
    """Log records were lost: standard output was full, slow or closed. The journal keeps its own."""

    LEVEL: ClassVar[Level] = "warning"
    KEPT: ClassVar[bool] = False
    count: int
