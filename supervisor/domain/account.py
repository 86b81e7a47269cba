"""The books as every face shows them: frozen, and nothing is left to compute. Times: seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

from supervisor.domain.actions import Severity
from supervisor.domain.docket import Kept
from supervisor.domain.findings import CheckName
from supervisor.domain.invoices import Status
from supervisor.domain.totals import Totals

QUEUE_CHECKS = frozenset({CheckName.QUEUE_PARSE, CheckName.QUEUE_DEPTH, CheckName.QUEUE_AGE, CheckName.QUEUE_DUPLICATE})
"""What is wrong with a queue, and not with the money."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue: how many messages wait in it, and since when the oldest does."""

    name: str
    path: str
    depth: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class Account:
    """The books at one moment.

    Args:
        at: when they were last compared; None where they have not been yet.
        findings: the hard ones first.
        files: how many files of the state folder were taken in.
        observed: False while the folders can not be seen.
    """

    at: float | None = None
    totals: Totals = field(default_factory=lambda: {status: {} for status in Status})
    findings: tuple[Kept, ...] = ()
    queues: tuple[QueueView, ...] = ()
    files: int = 0
    observed: bool = True

    @property
    def exists(self) -> bool:
        """Whether there are books at all: an invoice, a queue, or something that was found."""
        return bool(self.files or self.queues or self.findings)

    @property
    def gravest_first(self) -> tuple[Kept, ...]:
        """The findings in the order in which people want to see them."""
        return tuple(sorted(self.findings, key=_gravity))

    @property
    def hard(self) -> tuple[Kept, ...]:
        """The findings that stand."""
        return tuple(kept for kept in self.findings if kept.hard)

    @property
    def consistent(self) -> bool | None:
        """Whether the books agree; None where that is not known."""
        if self.at is None or not self.observed:
            return None
        return all(kept.finding.check in QUEUE_CHECKS for kept in self.hard)

    @property
    def queues_healthy(self) -> bool | None:
        """Whether the queues are taken as they should be; None where that is not known."""
        if self.at is None or not self.observed:
            return None
        return not any(kept.finding.check in QUEUE_CHECKS for kept in self.hard)


def _gravity(kept: Kept) -> tuple[bool, bool, str, str, str, int]:
    finding = kept.finding
    mild = finding.severity is not Severity.CRITICAL
    return not kept.hard, mild, finding.check, finding.invoice, finding.file, finding.line or 0
