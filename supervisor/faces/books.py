"""The books as the dashboard shows them: what is owed, what does not agree, what waits. Pure; all of it is text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from supervisor.domain.account import Account, QueueView
from supervisor.domain.actions import Severity
from supervisor.domain.docket import Kept
from supervisor.domain.findings import PHRASES
from supervisor.domain.money import spoken
from supervisor.domain.words import count, span

SHOWN = 50
"""So many findings a page shows, and so many queues."""

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Sum:
    """The invoices of one status: (what they come to, how many they are) for each currency."""

    status: str
    money: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One finding. `icon` is that of a state of agents: what is not sure yet is not known."""

    icon: str
    severity: str
    message: str
    phrase: str
    standing: str
    expected: str
    found: str
    place: str


@dataclass(frozen=True, slots=True)
class Section:
    """All of it.

    Args:
        icon, verdict: how it stands, as a picture and in words.
        queues: each one's name, and what is to be said of it.
        hidden, queues_hidden: how many more there are than are shown.
    """

    icon: str
    verdict: str
    sums: tuple[Sum, ...]
    items: tuple[Item, ...]
    hidden: int
    queues: tuple[tuple[str, str], ...]
    queues_hidden: int


def section(account: Account, now: float) -> Section | None:
    """Return what the page says of the books at `now` (s since the epoch), None where there are none."""
    if not account.exists:
        return None
    findings = account.gravest_first
    icon, verdict = _verdict(account, findings)
    return Section(
        icon=icon,
        verdict=verdict,
        sums=tuple(_sums(account)),
        items=tuple(_item(kept, now) for kept in findings[:SHOWN]),
        hidden=max(len(findings) - SHOWN, 0),
        queues=tuple((queue.name[:_LONGEST], _waiting(queue, now)) for queue in account.queues[:SHOWN]),
        queues_hidden=max(len(account.queues) - SHOWN, 0),
    )


def _verdict(account: Account, findings: tuple[Kept, ...]) -> tuple[str, str]:
    if account.consistent is None:
        why = "have not been compared yet" if account.at is None else "can not be seen"
        return "unknown", f"Not known: the books {why}"
    if not findings:
        return "healthy", "The books agree"
    hard = len(account.hard)
    if not hard:
        return "unknown", f"{count(len(findings), 'finding')}, perhaps agents at work"
    more = f", and {len(findings) - hard} that may be agents at work" if len(findings) > hard else ""
    return _icon(findings[0]), f"{count(hard, 'finding')}{more}"


def _sums(account: Account) -> Iterator[Sum]:
    for status, tallies in account.totals.items():
        money = ((spoken(tally.total, unit), count(tally.count, "invoice")) for unit, tally in tallies.items())
        yield Sum("in review" if status == "review" else status, tuple(money))


def _item(kept: Kept, now: float) -> Item:
    finding = kept.finding
    left = f", left by {kept.after_restart}" if kept.after_restart else ""
    sure = "" if kept.hard else ", perhaps agents at work"
    return Item(
        icon=_icon(kept),
        severity=finding.severity.value,
        message=finding.message[:_LONGEST],
        phrase=PHRASES[finding.check],
        standing=f"for {span(now - kept.since)}{left}{sure}",
        expected=finding.expected[:_LONGEST],
        found=finding.found[:_LONGEST],
        place=finding.file[-_LONGEST:] + ("" if finding.line is None else f":{finding.line}"),
    )


def _icon(kept: Kept) -> str:
    if not kept.hard:
        return "unknown"
    return "escalated" if kept.finding.severity is Severity.CRITICAL else "unhealthy"


def _waiting(queue: QueueView, now: float) -> str:
    oldest = "" if queue.oldest is None else f", the oldest for {span(now - queue.oldest)}"
    return f"{queue.depth} waiting{oldest}"
