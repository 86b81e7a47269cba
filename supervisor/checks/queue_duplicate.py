"""A message that waits more than once. A warning: it asks the consumer to do the same thing twice."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._words import lines, named, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import QueueCase, Scope
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.ledger import Message

CHECK = CheckName.QUEUE_DUPLICATE
SCOPES = (Scope.QUEUE,)
SEVERITY = Severity.WARNING


def find(case: QueueCase) -> Iterator[Finding]:
    """Yield one finding for each message that is there more than once, at its second line."""
    same: dict[bytes, list[Message]] = {}
    for message in case.queue.messages:
        same.setdefault(message.identity, []).append(message)
    for identity, copies in same.items():
        if len(copies) == 1:
            continue
        where = lines([message.line for message in copies])
        first, second = copies[:2]
        invoice = f" of invoice {named(first.invoice)}" if first.invoice else ""
        yield Finding(
            CHECK,
            subject(case.queue.path, identity.hex()),
            f"the message {named(first.kind)}{invoice} waits {len(copies)} times "
            f"in the queue {named(case.queue.name)}: {where}",
            case.queue.path,
            second.line,
            first.invoice,
            "one message",
            where,
        )
