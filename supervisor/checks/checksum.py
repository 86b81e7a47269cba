"""An invoice that is not what its agent signed. Critical: its figures are damaged, or were changed by another hand."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._problems import ReadCase, findings
from supervisor.domain.actions import Severity
from supervisor.domain.books import Scope
from supervisor.domain.findings import CheckName, Finding

CHECK = CheckName.CHECKSUM
SCOPES = (Scope.FILE, Scope.LEDGER, Scope.EVENTS)
SEVERITY = Severity.CRITICAL


def find(case: ReadCase) -> Iterator[Finding]:
    """Yield the checksums that the reader found wrong."""
    yield from findings(case, CHECK)
