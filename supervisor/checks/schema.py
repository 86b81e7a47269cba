"""A value that no agent should write. Critical: an invoice without an amount or a status is counted nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._problems import ReadCase, findings
from supervisor.domain.actions import Severity
from supervisor.domain.books import Scope
from supervisor.domain.findings import CheckName, Finding

CHECK = CheckName.SCHEMA
SCOPES = (Scope.FILE, Scope.LEDGER, Scope.EVENTS)
SEVERITY = Severity.CRITICAL


def find(case: ReadCase) -> Iterator[Finding]:
    """Yield the values that the reader could not take."""
    yield from findings(case, CHECK)
