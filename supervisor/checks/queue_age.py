"""A message that waits too long. A warning: its consumer is slow or away, nothing is lost yet."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._words import named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import QueueCase, Scope
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.words import span

CHECK = CheckName.QUEUE_AGE
SCOPES = (Scope.QUEUE,)
SEVERITY = Severity.WARNING


def find(case: QueueCase) -> Iterator[Finding]:
    """Yield one finding where the oldest message is as old as the limit, or older."""
    oldest = case.queue.oldest
    if oldest is None or case.now < oldest + case.age_limit:
        return
    line = next(message.line for message in case.queue.messages if message.queued_at == oldest)
    age = span(case.now - oldest)
    yield Finding(
        CHECK,
        subject(case.queue.path),
        f"the oldest message of the queue {named(case.queue.name)} has waited for {age}",
        case.queue.path,
        line,
        "",
        f"less than {span(case.age_limit)}",
        age,
    )
