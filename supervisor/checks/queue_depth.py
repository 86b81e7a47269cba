"""A queue that holds too many messages. A warning: its consumer is slow or away, nothing is lost yet."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._words import named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import QueueCase, Scope
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.words import count

CHECK = CheckName.QUEUE_DEPTH
SCOPES = (Scope.QUEUE,)
SEVERITY = Severity.WARNING


def find(case: QueueCase) -> Iterator[Finding]:
    """Yield one finding where there are as many messages as the limit, or more."""
    depth = len(case.queue.messages)
    if depth < case.depth_limit:
        return
    waiting = count(depth, "message")
    yield Finding(
        CHECK,
        subject(case.queue.path),
        f"the queue {named(case.queue.name)} holds {waiting}",
        case.queue.path,
        None,
        "",
        f"fewer than {case.depth_limit}",
        str(depth),
    )
