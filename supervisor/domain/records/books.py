"""What the books say, and what in them does not agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supervisor.domain.records.base import Level, Record


@dataclass(frozen=True, slots=True)
class FindingOpened(Record):
    """Something in the books does not agree, and has not for `settle`. `after`: the restart that left it."""

    LEVEL: ClassVar[Level] = "warning"
    finding: str
    check: str
    severity: str
    file: str
    message: str
    line: int | None = None
    invoice: str | None = None
    expected: str | None = None
    found: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class FindingClosed(Record):
    """It agrees again, after `seconds`."""

    finding: str
    check: str
    file: str
    seconds: float
    invoice: str | None = None


@dataclass(frozen=True, slots=True)
class Reconciled(Record):
    """The books were compared: `files` were read for it, `findings` stand."""

    KEPT: ClassVar[bool] = False
    reason: str
    files: int
    findings: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BooksProgress(Record):
    """A long reading of the books goes on: `done` of `total` files."""

    KEPT: ClassVar[bool] = False
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class BooksTotals(Record):
    """The totals after a full comparison, one text for each status and currency: "unpaid USD 27 681398.27"."""

    LEVEL: ClassVar[Level] = "debug"
    totals: list[str]
