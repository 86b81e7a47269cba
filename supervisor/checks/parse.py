"""A file or a line that can not be read at all. Critical: the money in it is counted nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._problems import ReadCase, findings
from supervisor.domain.actions import Severity
from supervisor.domain.books import Scope
from supervisor.domain.findings import CheckName, Finding

CHECK = CheckName.PARSE
SCOPES = (Scope.FILE, Scope.LEDGER, Scope.EVENTS)
SEVERITY = Severity.CRITICAL


def find(case: ReadCase) -> Iterator[Finding]:
    """Yield what the reader could not read."""
    yield from findings(case, CHECK)
