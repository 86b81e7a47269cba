"""Findings that live: a pure machine that is told what the checks see, and the time.

    absent ----seen----> soft ----seen again `settle` later, on the same basis----> hard ----not seen----> absent
                          |  ^
                          `--'  on a changed basis its time begins anew

The agents write one book after another: what is soft may be no more than that. What is seen first in files that have
been quiet for `settle` is hard at once. Times: seconds since the epoch.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from supervisor.domain.books import (
    Case,
    Document,
    EventsCase,
    FileCase,
    InvoiceCase,
    LedgerCase,
    QueueCase,
    Subject,
    TotalsCase,
)
from supervisor.domain.findings import Finding, Problem
from supervisor.domain.ledger import Entry
from supervisor.domain.times import moved


class FindingState(StrEnum):
    """How sure it is that a finding is one."""

    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Kept:
    """One finding from when it is first seen to its end.

    Args:
        subject: what was looked at when it was found.
        finding: with its newest figures and line.
        since: since when it is seen; while it is soft, on the basis of today.
        opened_at: when it turned hard; None while it is soft.
        after_restart: the restart of an agent that may have left it, "" for none.
    """

    subject: Subject
    finding: Finding
    state: FindingState
    since: float
    opened_at: float | None = None
    after_restart: str = ""

    @property
    def id(self) -> str:
        """The finding's."""
        return self.finding.id

    @property
    def hard(self) -> bool:
        """Whether it stands."""
        return self.state is FindingState.HARD


@dataclass(frozen=True, slots=True)
class Closed:
    """A hard finding is found no more; it was seen for `seconds`."""

    kept: Kept
    seconds: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What an observation came to: findings that turned hard, and hard ones that are gone."""

    opened: tuple[Kept, ...] = ()
    closed: tuple[Closed, ...] = ()


@dataclass(slots=True)
class _Watch:
    """What was found of one subject, by the findings' ids, and when it is to be looked at again."""

    basis: Hashable = None
    kept: Mapping[str, Kept] = field(default_factory=dict)
    wake_at: float | None = None


class Docket:
    """All findings of this moment. No two subjects have a finding of the same id.

    Args:
        settle: how long (s) the basis of a finding must stay as it is before the finding is hard.
    """

    def __init__(self, settle: float) -> None:
        self.settle = settle
        self._watches: dict[Subject, _Watch] = {}
        # An entry whose time is no longer that of its subject's watch is stale.
        self._wake_ups: list[tuple[float, Subject]] = []

    def restore(self, findings: Iterable[Kept]) -> None:
        """Take in the hard findings of an earlier life: they stay, and are not opened again.

        Whatever they are about must be looked at once more in the first full pass: see `subjects`.
        """
        for kept in findings:
            watch = self._watches.setdefault(kept.subject, _Watch())
            watch.kept = {**watch.kept, kept.id: kept}

    def observe(
        self,
        subject: Subject,
        basis: Hashable,
        found: Sequence[Finding],
        now: float,
        quiet_since: float,
        *,
        after: str = "",
    ) -> Changes:
        """Put what is found of `subject` at `now` in the place of what was found before.

        Args:
            subject: what was looked at.
            basis: equal for as long as the inputs have not changed.
            found: all that was found of it; no two of the same id.
            now: s since the epoch.
            quiet_since: when the newest of the inputs was last written.
            after: the restart of an agent that may have left what is not hard yet.
        """
        old = self._watches.get(subject) or _Watch()
        quiet = now >= quiet_since + self.settle
        kept: dict[str, Kept] = {}
        opened: list[Kept] = []
        for finding in found:
            known = old.kept.get(finding.id)
            if known is not None and known.hard:
                kept[finding.id] = known if known.finding == finding else replace(known, finding=finding)
                continue
            if known is None or old.basis != basis:
                since, hard = now, quiet
            else:
                since, hard = known.since, now >= known.since + self.settle
            left_by = after if known is None else known.after_restart or after
            one = Kept(subject, finding, FindingState.SOFT, since, None, left_by)
            if hard:
                one = replace(one, state=FindingState.HARD, opened_at=now)
                opened.append(one)
            kept[finding.id] = one
        gone = [one for id_, one in old.kept.items() if one.hard and id_ not in kept]
        self._keep(subject, _Watch(basis, kept, old.wake_at))
        return Changes(tuple(opened), tuple(Closed(one, max(0.0, now - one.since)) for one in gone))

    @property
    def due(self) -> float | None:
        """When the next soft finding could turn hard, None where there is none that waits."""
        while self._wake_ups and self._is_stale(*self._wake_ups[0]):
            heapq.heappop(self._wake_ups)
        return self._wake_ups[0][0] if self._wake_ups else None

    def ripe(self, now: float) -> set[Subject]:
        """Return what is to be looked at once more: what is found of it then is hard.

        Each is named once; one that nobody looked at is named again `settle` later.
        """
        subjects = set()
        while (due := self.due) is not None and due <= now:
            _, subject = heapq.heappop(self._wake_ups)
            subjects.add(subject)
        for subject in subjects:
            self._watches[subject].wake_at = now + self.settle
            heapq.heappush(self._wake_ups, (now + self.settle, subject))
        return subjects

    def knows(self, subject: Subject) -> bool:
        """Whether something was found of `subject`."""
        return subject in self._watches

    def subjects(self) -> set[Subject]:
        """Return all that something was found of: a full pass looks at each, so that what is gone is closed."""
        return set(self._watches)

    def findings(self) -> tuple[Kept, ...]:
        """Return every finding, the hard ones first."""
        known = [kept for watch in self._watches.values() for kept in watch.kept.values()]
        return tuple(sorted(known, key=lambda kept: not kept.hard))

    def shift(self, seconds: float) -> None:
        """The wall clock was set by `seconds`."""
        for watch in self._watches.values():
            watch.wake_at = moved(watch.wake_at, seconds)
            watch.kept = {
                id_: replace(kept, since=kept.since + seconds, opened_at=moved(kept.opened_at, seconds))
                for id_, kept in watch.kept.items()
            }
        waiting = ((watch.wake_at, subject) for subject, watch in self._watches.items())
        self._wake_ups = [(at, subject) for at, subject in waiting if at is not None]
        heapq.heapify(self._wake_ups)

    # --- inside ---

    def _keep(self, subject: Subject, watch: _Watch) -> None:
        if not watch.kept:
            self._watches.pop(subject, None)
            return
        self._watches[subject] = watch
        soft = [kept.since for kept in watch.kept.values() if not kept.hard]
        at = min(soft) + self.settle if soft else None
        if at is not None and at != watch.wake_at:
            heapq.heappush(self._wake_ups, (at, subject))
        watch.wake_at = at

    def _is_stale(self, at: float, subject: Subject) -> bool:
        watch = self._watches.get(subject)
        return watch is None or watch.wake_at != at


# --- what counts as unchanged ------------------------------------------------------------------------


def basis(case: Case) -> Hashable:
    """Return what a judgement of `case` rests on: equal for as long as nothing has changed that matters to it.

    Where a line stands does not matter, nor when a file was written: books in which other lines come and go, or that
    are written again and again as they were, must not keep a real fault soft for ever. A queue always changes:
    trouble that lasts in it is trouble.
    """
    match case:
        case FileCase(_, document):
            return None if document is None else (_stated(document), *map(_complaint, document.problems))
        case InvoiceCase():
            return (
                *map(_stated, case.documents),
                *map(_booked, case.entries),
                _told(case),
                case.ledger is None,
                case.currency,
            )
        case TotalsCase():
            totals = ((total.section, total.amount) for total in case.ledger.totals)
            return tuple(totals), frozenset(case.sums.items())
        case LedgerCase() | EventsCase():
            return tuple(map(_complaint, case.problems))
        case QueueCase():
            return None
        case _:
            assert_never(case)


def _stated(document: Document) -> Hashable:
    return document.path, document.invoice


def _booked(entry: Entry) -> Hashable:
    return entry.section, entry.amount, entry.word, entry.client, entry.date


def _told(case: InvoiceCase) -> Hashable:
    """Return what the event log says the invoice is, and how often it was paid; when it said so does not matter."""
    if case.events is None or case.trail is None:
        return None
    last = case.trail.last
    return None if last is None else last.word, len(case.trail.paid)


def _complaint(problem: Problem) -> Hashable:
    return problem.check, problem.message, problem.expected, problem.found, problem.invoice
