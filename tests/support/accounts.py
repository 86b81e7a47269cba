"""The books as the faces are shown them: two currencies, a queue, and findings of every kind of gravity."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from supervisor.domain.account import Account, QueueView
from supervisor.domain.actions import Severity
from supervisor.domain.books import Scope, Subject
from supervisor.domain.docket import FindingState, Kept
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY
from supervisor.domain.totals import Tally, Totals
from supervisor.domain.trend import Stand, Trend

STATE = "/home/ada/.local/share/novotechno-collections/state"
LEDGER = f"{STATE}/collections_ledger.md"
QUEUE = "/home/ada/.cache/novotechno-collections/queues/collections-emailer.jsonl"

SUMS: Mapping[Status, Mapping[str, Tally]] = {
    Status.UNPAID: {"EUR": Tally(2, Decimal("1200.5")), "USD": Tally(27, Decimal("681398.27"))},
    Status.PAID: {"USD": Tally(11, Decimal("153484.23"))},
    Status.ESCALATED: {"USD": Tally(1, Decimal(8600))},
    Status.REVIEW: {},
}


def found(
    check: CheckName, message: str, since: float, *, hard: bool = True, critical: bool = True, **more: Any
) -> Kept:
    """Return a finding in the ledger, first seen at `since` (s since the epoch)."""
    severity = Severity.CRITICAL if critical else Severity.WARNING
    finding = Finding(check, message, message, **{"file": LEDGER, "severity": severity, **more})
    state = FindingState.HARD if hard else FindingState.SOFT
    return Kept(Subject(Scope.LEDGER, LEDGER), finding, state, since, since + 30 if hard else None)


def findings(now: float) -> tuple[Kept, ...]:
    """Return four findings, the mildest first."""
    return (
        found(
            CheckName.ORPHAN_STATE,
            "invoice INV-4 is unpaid in its file, but the ledger has no entry for it",
            now - 2,
            hard=False,
            file=f"{STATE}/acme/INV-4.json",
            invoice="INV-4",
        ),
        found(
            CheckName.QUEUE_AGE,
            "the oldest message of the queue collections-emailer has waited for 2 h 5 min",
            now - 400,
            critical=False,
            file=QUEUE,
            line=1,
            expected="less than 1 h",
            found="2 h 5 min",
        ),
        found(
            CheckName.SECTION_TOTAL,
            "the entries under Unpaid come to 681,398.27 USD, but the Summary says 681,398.00 USD",
            now - 100,
            line=52,
            expected="681398.27",
            found="681398.00",
        ),
        found(
            CheckName.AMOUNT_MISMATCH,
            "invoice INV-7 is 1,500.00 USD in its file, but 1,400.00 USD in the ledger",
            now - 90,
            line=7,
            invoice="INV-7",
            expected="1500.00",
            found="1400.00",
        ),
    )


def account(now: float, **changes: Any) -> Account:
    """Return books that were compared at `now` (s since the epoch), with everything in them."""
    queues = (QueueView("collections-emailer", QUEUE, 11, now - 7500),)
    known = {"at": now, "totals": SUMS, "findings": findings(now), "queues": queues, "files": 41}
    return Account(**{**known, **changes})


def usd(unpaid: str, paid: str = "0", escalated: str = "0", count: int = 1) -> Totals:
    """Return totals in dollars."""
    amounts = {Status.UNPAID: unpaid, Status.PAID: paid, Status.ESCALATED: escalated}
    return {status: {"USD": Tally(count, Decimal(amounts.get(status, "0")))} for status in Status}


def trend(now: float) -> Trend:
    """Return three weeks that end with `account`'s totals at `now`; of two days nothing is known."""
    earlier = [
        Stand(now - ago * DAY, usd(str(681398 - 9000 * ago + 25000 * (ago % 5)), str(153484 - 6500 * ago), "8600"))
        for ago in range(20, 0, -1)
        if ago not in {7, 8}
    ]
    nothing: Totals = {status: {} for status in Status}
    change = {
        **nothing,
        Status.UNPAID: {"EUR": Tally(1, Decimal("200.5")), "USD": Tally(-1, Decimal("-1500.01"))},
        Status.PAID: {"USD": Tally(1, Decimal("1500.01"))},
    }
    return Trend(change, now - DAY, (*earlier, Stand(now, SUMS)))
