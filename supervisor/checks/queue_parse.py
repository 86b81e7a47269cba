"""A line of a queue that is no message. A warning: a message is lost, the books themselves are whole."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._problems import findings
from supervisor.domain.actions import Severity
from supervisor.domain.books import QueueCase, Scope
from supervisor.domain.findings import CheckName, Finding

CHECK = CheckName.QUEUE_PARSE
SCOPES = (Scope.QUEUE,)
SEVERITY = Severity.WARNING


def find(case: QueueCase) -> Iterator[Finding]:
    """Yield the lines that the reader could not read."""
    yield from findings(case, CHECK)
