"""Reconciliation on change: what changed is read and judged soon, everything now and then, off the event loop.

Level-triggered: a change says only which file to look at. Findings that open and close go the same way as an
agent's transitions: one change, one transaction, one incident for each check.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from supervisor.domain import records
from supervisor.domain.account import Account
from supervisor.domain.books import Trail
from supervisor.domain.docket import Docket, Kept
from supervisor.domain.index import Index
from supervisor.domain.invoices import Invoice
from supervisor.domain.policy import spread
from supervisor.listing import Listing
from supervisor.ports import Clock, Files, Offload
from supervisor.runtime.bookkeeper import Bookkeeper, Judgement
from supervisor.runtime.bookreader import BookPlaces, BookReader
from supervisor.runtime.debounce import Debounce
from supervisor.runtime.desk import Desk
from supervisor.runtime.journal import Journal
from supervisor.runtime.mailbox import Mailbox
from supervisor.runtime.plan import BooksPlan
from supervisor.runtime.verdict import texts, written

_JITTER = 0.1
_PROGRESS_EVERY = 5.0
_FREEZE_AFTER = 5000
"""Files that a first listing may bring before they are put out of the garbage collector's way."""


@dataclass(frozen=True, slots=True)
class _Restart:
    """A restart that may have left something; what is found up to `until` is said to have come with it."""

    agent: str
    until: float


class Reconciler:
    """Keeps the books compared.

    Args:
        offload: the books' own thread; one piece of work at a time.
        relist: asks the source for a listing of everything.
        on_totals: called when the totals have changed.
        on_progress: called with how many files a long reading has done, and of how many.
    """

    def __init__(
        self,
        plan: BooksPlan,
        places: BookPlaces,
        files: Files,
        offload: Offload,
        clock: Clock,
        journal: Journal,
        desk: Desk,
        *,
        relist: Callable[[str], None],
        on_totals: Callable[[], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        self.account = Account()
        self._places = places
        self._files = files
        self._offload = offload
        self._clock = clock
        self._journal = journal
        self._desk = desk
        self._relist = relist
        self._on_totals = on_totals
        self._on_progress = on_progress
        self._mailbox: Mailbox[None] = Mailbox(clock)
        self._listing: tuple[str, AbstractSet[Path]] | None = None
        self._lost: set[Path] = set()
        self._due: float | None = None
        self._restart: _Restart | None = None
        self._askers: list[asyncio.Future[Account]] = []
        self._resyncs = 0
        self._begin(plan, ())

    # --- what others tell ---

    def restore(self, findings: Iterable[Kept]) -> None:
        """Take over the findings that stood when an earlier life ended."""
        self._begin(self._plan, tuple(findings))

    def inherit(self, findings: Iterable[Kept]) -> None:
        """Take over what an earlier life knew and could be read only now; what this life found is newer."""
        known = {kept.id: kept for kept in (*findings, *self.account.hard)}
        self._begin(self._plan, tuple(known.values()))
        self._relist("the journal could be read")

    def use(self, plan: BooksPlan) -> None:
        """Compare in this way from now on."""
        if plan != self._plan:
            self._begin(plan, self.account.hard)
            self._relist("the books are compared in another way")

    def mark(self, paths: Iterable[Path]) -> None:
        """These files may have changed."""
        now = self._clock.now()
        for path in paths:
            if self._reader.concerns(path):
                self._changed.add(path, now)
        self._mailbox.ring()

    def listed(self, reason: str, paths: AbstractSet[Path]) -> None:
        """Everything was listed: all of it is compared."""
        self._listing = (reason, paths)
        self._mailbox.ring()

    def lost(self, root: Path) -> None:
        """A root can not be seen: what is known of the books stays, and is not judged."""
        if root in {self._places.state, self._places.queues}:
            self._lost.add(root)
            self.account = replace(self.account, observed=False)

    def restored(self, root: Path) -> None:
        """A root can be seen again; a listing follows."""
        self._lost.discard(root)
        self._mailbox.ring()

    def restarted(self, agent: str) -> None:
        """An agent was restarted: everything is compared, and what is found now may have been left by that."""
        plan = self._plan
        self._restart = _Restart(agent, self._clock.now() + 2 * plan.settle + plan.quiet_max)
        self._relist(f"{agent} was restarted")

    def step_clock(self, seconds: float) -> None:
        """The wall clock was set by `seconds`."""
        self._stepped += seconds
        self._due = None if self._due is None else self._due + seconds
        self._resync_at += seconds
        self._changed.shift(seconds)
        if self._restart is not None:
            self._restart = replace(self._restart, until=self._restart.until + seconds)

    async def compare(self) -> Account:
        """Compare everything now, and return what came of it; what is known where the folders can not be seen."""
        if self._lost:
            return self.account
        asker: asyncio.Future[Account] = asyncio.get_running_loop().create_future()
        self._askers.append(asker)
        self._relist("asked for")
        return await asker

    async def paid_since(self, since: float) -> list[tuple[Invoice, Trail | None]]:
        """Return the invoices that were paid at or after `since` (s since the epoch), with what is known of each."""
        keeper = self._keeper
        return await self._offload(lambda: keeper.paid_since(since))

    async def look(self) -> None:
        """Compare what was listed, and neither write nor tell what comes of it."""
        if self._listing is not None:
            (_, paths), self._listing = self._listing, None
            await self._read_all(paths)
            self.account = (await self._judgement(self._keeper, full=True)).account

    # --- the service ---

    async def run(self) -> None:
        """Compare whatever changes, for ever."""
        while True:
            await self._mailbox.next(self._next())
            await self.turn()

    async def turn(self) -> None:
        """Do what is due."""
        now = self._clock.now()
        if self._lost:
            return
        if self._listing is not None:
            (reason, paths), self._listing = self._listing, None
            await self._compare_all(reason, paths)
        elif self._changed.due is not None and self._changed.due <= now:
            changed = self._changed.take()
            begun = asyncio.get_running_loop().time()
            read = await self._offload(lambda: self._keeper.read(changed))
            if self.account.at is not None:
                await self._judge("change", read, begun)
        elif self._due is not None and self._due <= now:
            await self._judge("settled", 0, asyncio.get_running_loop().time())
        if now >= self._resync_at:
            self._plan_resync()
            self._relist("the books' full comparison")

    # --- inside ---

    def _begin(self, plan: BooksPlan, findings: tuple[Kept, ...]) -> None:
        self._plan = plan
        docket = Docket(plan.settle)
        docket.restore(findings)
        self._reader = BookReader(self._places, self._files, Index(plan.currency, plan.limits))
        self._keeper = Bookkeeper(self._reader, docket)
        self._changed: Debounce[Path] = Debounce(plan.quiet, plan.quiet_max)
        self._stepped = 0.0
        self._due = None
        self.account = replace(self.account, at=None, findings=findings)
        self._plan_resync()

    def _plan_resync(self) -> None:
        self._resyncs += 1
        self._resync_at = self._clock.now() + self._plan.resync_every * spread(f"resync {self._resyncs}", _JITTER)

    def _next(self) -> float | None:
        if self._lost:
            return None
        if self._listing is not None:
            return self._clock.now()
        dues = (self._changed.due, self._due, self._resync_at)
        return min(due for due in dues if due is not None)

    async def _compare_all(self, reason: str, paths: AbstractSet[Path]) -> None:
        begun, keeper = asyncio.get_running_loop().time(), self._keeper
        read = await self._read_all(paths)
        if keeper is self._keeper:
            await self._judge(reason, read, begun, full=True)

    async def _read_all(self, paths: AbstractSet[Path]) -> int:
        """Read everything, a portion at a time; return how many files had changed."""
        keeper, told = self._keeper, asyncio.get_running_loop().time()
        folders = await self._offload(lambda: self._folders(paths))
        total = sum(map(len, folders.values()))
        portions, read, frozen = keeper.read_all(folders), 0, 0
        while (done := await self._offload(lambda: next(portions, None))) is not None:
            read = done
            if read - frozen >= _FREEZE_AFTER:
                gc.freeze()  # a full collection that walked through them all would hold up the event loop
                frozen = read
            if asyncio.get_running_loop().time() - told > _PROGRESS_EVERY:
                told = asyncio.get_running_loop().time()
                self._on_progress(read, total)
        return read

    def _folders(self, paths: AbstractSet[Path]) -> Mapping[Path, frozenset[str]]:
        if isinstance(paths, Listing):
            queues = self._places.queues
            found = dict(paths.below(self._places.state))
            return {**found, queues: paths.names(queues) | found.get(queues, frozenset())}
        gathered: dict[Path, set[str]] = {}
        for path in paths:
            gathered.setdefault(path.parent, set()).add(path.name)
        return {folder: frozenset(names) for folder, names in gathered.items()}

    async def _judge(self, reason: str, read: int, begun: float, *, full: bool = False) -> None:
        keeper, before = self._keeper, self.account
        judgement = await self._judgement(keeper, full=full)
        if keeper is not self._keeper:
            return  # the books are compared in another way by now
        self.account, self._due = judgement.account, judgement.due
        change = written(judgement, self._desk)
        if read or full or change.records:
            seconds = asyncio.get_running_loop().time() - begun
            change.records.append(records.Reconciled(reason, read, len(self.account.hard), seconds))
        if full:
            change.records.append(records.BooksTotals(texts(self.account.totals)))
        if change.findings:
            await self._journal.commit(change)
        else:
            self._journal.post(change)
        if self.account.totals != before.totals:
            self._on_totals()
        if full:
            self._answer()

    async def _judgement(self, keeper: Bookkeeper, *, full: bool) -> Judgement:
        now, stepped, self._stepped = self._clock.now(), self._stepped, 0.0
        if self._restart is not None and now > self._restart.until:
            self._restart = None
        after = "" if self._restart is None else f"the restart of {self._restart.agent}"

        def judge() -> Judgement:
            if stepped:
                keeper.shift(stepped)
            return keeper.judge(now, after, full=full)

        return await self._offload(judge)

    def _answer(self) -> None:
        askers, self._askers = self._askers, []
        for asker in askers:
            if not asker.done():
                asker.set_result(self.account)
