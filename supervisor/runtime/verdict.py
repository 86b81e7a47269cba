"""What a comparison of the books came to, as a change: records, kept findings, one incident for each check."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from supervisor.domain import records
from supervisor.domain.docket import Closed, Kept
from supervisor.domain.findings import PHRASES, CheckName
from supervisor.domain.invoices import Status
from supervisor.domain.totals import Tally, Totals
from supervisor.domain.words import count
from supervisor.runtime.bookkeeper import Judgement
from supervisor.runtime.change import Change
from supervisor.runtime.desk import Desk

SUBJECT = "books"
"""Whom the incidents are about."""

_LISTED = 20
"""Findings that an incident's evidence lists."""


def written(judgement: Judgement, desk: Desk) -> Change:
    """Return what `judgement` changes; the incidents are `desk`'s."""
    change = Change()
    for kept in judgement.opened:
        change.findings[kept.id] = kept
        change.records.append(_opened(kept))
    for closed in judgement.closed:
        change.findings[closed.kept.id] = None
        change.records.append(_closed(closed))
    touched = {kept.finding.check for kept in judgement.opened}
    touched |= {closed.kept.finding.check for closed in judgement.closed}
    standing = judgement.account.hard
    for check in sorted(touched):
        _tell(change, desk, check, [kept for kept in standing if kept.finding.check is check])
    return change


def texts(totals: Totals) -> list[str]:
    """Return the totals as the journal keeps them: "unpaid USD 27 681398.27"."""
    return [
        f"{status} {currency} {tally.count} {tally.total:f}"
        for status, tallies in totals.items()
        for currency, tally in tallies.items()
    ]


def totals_of(texts: Iterable[str]) -> Totals:
    """Return the totals that `texts` made these texts of. Raises ValueError for any others."""
    totals: dict[Status, dict[str, Tally]] = {status: {} for status in Status}
    for text in texts:
        status, _, tally = text.partition(" ")
        currency, count, total = tally.rsplit(" ", 2)
        try:
            totals[Status(status)][currency] = Tally(int(count), Decimal(total))
        except InvalidOperation:
            raise ValueError(f"{text!r} tells no amount") from None
    return totals


def _tell(change: Change, desk: Desk, check: CheckName, standing: list[Kept]) -> None:
    key = f"{SUBJECT}:{check}"
    if not standing:
        desk.resolve(change, key, f"over: {PHRASES[check]}")
        return
    summary = f"{count(len(standing), 'finding')}: {PHRASES[check]}"
    listed = [_evidence(kept) for kept in standing[:_LISTED]]
    evidence = {"check": check.value, "count": len(standing), "findings": listed}
    desk.open(change, key, standing[0].finding.severity, summary, evidence)


def _opened(kept: Kept) -> records.FindingOpened:
    finding = kept.finding
    return records.FindingOpened(
        finding=kept.id,
        check=finding.check.value,
        severity=finding.severity.value,
        file=finding.file,
        message=finding.message,
        line=finding.line,
        invoice=finding.invoice or None,
        expected=finding.expected or None,
        found=finding.found or None,
        after=kept.after_restart or None,
    )


def _closed(closed: Closed) -> records.FindingClosed:
    finding = closed.kept.finding
    return records.FindingClosed(
        closed.kept.id, finding.check.value, finding.file, closed.seconds, finding.invoice or None
    )


def _evidence(kept: Kept) -> dict[str, Any]:
    finding = kept.finding
    told = {
        "id": kept.id,
        "file": finding.file,
        "line": finding.line,
        "invoice": finding.invoice,
        "expected": finding.expected,
        "found": finding.found,
        "message": finding.message,
        "after": kept.after_restart,
    }
    return {key: value for key, value in told.items() if value not in (None, "")}
