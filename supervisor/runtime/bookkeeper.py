"""The books' own thread: what changed is read, laid side by side and judged. It blocks: for one worker thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from supervisor import checks
from supervisor.domain.account import Account, QueueView
from supervisor.domain.books import Scope, Subject, Trail
from supervisor.domain.docket import Closed, Docket, Kept, basis
from supervisor.domain.index import Index
from supervisor.domain.invoices import Invoice
from supervisor.runtime.bookreader import BookReader


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one comparison came to.

    Args:
        opened, closed: the findings that stand from now on, and those that do no more.
        due: when the books are to be judged again though nothing changes (s since the epoch), None for never.
    """

    account: Account
    opened: tuple[Kept, ...]
    closed: tuple[Closed, ...]
    due: float | None


class Bookkeeper:
    """Reads and judges.

    Args:
        docket: the findings of an earlier life are in it already.
    """

    def __init__(self, reader: BookReader, docket: Docket) -> None:
        self._reader = reader
        self._index: Index = reader.index
        self._docket = docket
        self._judged_at = 0.0

    def read(self, paths: Iterable[Path]) -> int:
        """Read these files, where they have changed; return how many were read."""
        return self._reader.read(paths)

    def read_all(self, folders: Mapping[Path, frozenset[str]]) -> Iterator[int]:
        """Read all that lies in `folders`; yield now and then how many files were read."""
        return self._reader.read_all(folders)

    def judge(self, now: float, after: str = "", *, full: bool = False) -> Judgement:
        """Judge whatever has changed, and what is to be looked at once more.

        `after` is the restart that anything found from now on may have come from. `full`: all was read before, and
        what nobody saw any more is gone.
        """
        ripe = self._docket.ripe(now)
        # Nothing stands before its files were looked at once more: the last change may have come unheard.
        self._reader.read(Path(path) for subject in ripe for path in self._index.paths(subject))
        subjects = self._index.take_dirty()  # grown in place: a copy of 100,000 would hold up the event loop
        subjects |= ripe
        subjects |= self._aged(now)
        if full or any(subject.scope is Scope.LEDGER for subject in subjects):
            subjects |= self._docket.subjects()  # where its lines have moved, so have those of what was found
        opened: list[Kept] = []
        closed: list[Closed] = []
        while subjects:  # taken one by one: 100,000 that are thrown away together would hold up the event loop, too
            subject = subjects.pop()
            case = self._index.case(subject, now)
            found = () if case is None else checks.find(case)
            if not found and not self._docket.knows(subject):
                continue
            change = self._docket.observe(
                subject,
                None if case is None else basis(case),
                found,
                now,
                self._quiet_since(subject, now),
                after=after,
            )
            opened += change.opened
            closed += change.closed
        self._judged_at = now
        return Judgement(self._account(now), tuple(opened), tuple(closed), self._due())

    def paid_since(self, since: float) -> list[tuple[Invoice, Trail | None]]:
        """Return the invoices that were paid at or after `since` (s since the epoch), with what is known of each."""
        return self._index.paid_since(since)

    def shift(self, seconds: float) -> None:
        """The wall clock was set by `seconds`."""
        self._docket.shift(seconds)

    # --- inside ---

    def _quiet_since(self, subject: Subject, now: float) -> float:
        """Return since when what `subject` rests on is as it is.

        Files that lay there before anybody looked tell that themselves, and so does a queue. Else something has just
        changed, and it may be a file that is gone.
        """
        known = not self._judged_at or subject.scope is Scope.QUEUE
        return self._index.written(subject) if known else now

    def _aged(self, now: float) -> set[Subject]:
        """Return the queues that have grown too old since the last judgement."""
        ages = ((queue.path, queue.oldest) for queue in self._index.queues())
        limit = self._index.limits.queue_age
        return {
            Subject(Scope.QUEUE, path)
            for path, oldest in ages
            if oldest is not None and self._judged_at < oldest + limit <= now
        }

    def _due(self) -> float | None:
        ages = (queue.oldest for queue in self._index.queues())
        limit = self._index.limits.queue_age
        due = [oldest + limit for oldest in ages if oldest is not None and oldest + limit > self._judged_at]
        return min([*due, *([] if self._docket.due is None else [self._docket.due])], default=None)

    def _account(self, now: float) -> Account:
        queues = tuple(
            QueueView(queue.name, queue.path, len(queue.messages), queue.oldest) for queue in self._index.queues()
        )
        return Account(now, self._index.totals(), self._docket.findings(), queues, len(self._index))
