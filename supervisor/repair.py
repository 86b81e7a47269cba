"""The mending of the ledger: the totals of its Summary are recomputed, and nothing else, never a status or an entry.

Planned first, and carried out only while the agents are quiet: they write the ledger in place, and do not know of us.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from supervisor import checks
from supervisor.domain.books import Scope, Subject
from supervisor.domain.findings import CheckName, Finding
from supervisor.domain.index import Book, Index, Limits
from supervisor.domain.invoices import Status
from supervisor.domain.money import agree, rounded
from supervisor.domain.words import span
from supervisor.filesystem import RealFiles, keep_rights, write_atomic, write_new
from supervisor.formats import ledger as ledgers
from supervisor.formats import ledger_repair
from supervisor.ports import FileRead, RefusedError
from supervisor.runtime.bookreader import LEDGER_LIMIT

MENDED = frozenset({CheckName.SECTION_TOTAL, CheckName.GRAND_TOTAL})
"""What a mended ledger has no finding of."""


@dataclass(frozen=True, slots=True)
class Mend:
    """One total that is wrong.

    Args:
        section: None for the grand total.
        line: from 1.
        found: None where what stands there is no amount.
        expected: in whole minor units of the currency.
    """

    section: Status | None
    line: int
    found: Decimal | None
    expected: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to the ledger; no `mends`: nothing is."""

    ledger: Path
    before: bytes
    after: bytes
    mends: tuple[Mend, ...]
    mark: int


def plan(ledger: Path, currency: str) -> Plan:
    """Return what would mend the ledger, whose amounts are in `currency` (ISO 4217).

    Raises RefusedError where it can not be read whole: nobody knows its sums then.
    """
    read = _read(ledger)
    sums = ledger_repair.sums(read.data)
    if not sums:
        raise RefusedError(f"{ledger} can not be read whole, so its sums are not known: {_trouble(read.data)}")
    mends = tuple(
        Mend(figure.section, figure.line, figure.amount, rounded(sums[figure.section], currency))
        for figure in ledgers.read(read.data).figures
        if figure.amount is None or not agree(figure.amount, sums[figure.section], currency)
    )
    try:
        after = ledger_repair.with_totals(read.data, {mend.section: mend.expected for mend in mends})
    except ValueError as error:
        raise RefusedError(f"{ledger}: {error}") from error
    return Plan(ledger, read.data, after, mends, read.mark)


def carry_out(wanted: Plan, books: Iterable[Path], settle: float) -> Path:
    """Mend the ledger and return its backup: a copy of what it was, beside it.

    Args:
        wanted: what `plan` returned.
        books: files and folders that the agents write.
        settle: how long (s) all of them, and the ledger, must have been quiet.

    Raises RefusedError where the agents are at work, and OSError: the ledger is as it was then, and nothing is left
    beside it.
    """
    ledger = wanted.ledger
    _must_be_quiet((ledger, *books), settle)
    if not os.access(ledger, os.W_OK):
        raise RefusedError(f"{ledger} may not be written")
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    backup = ledger.with_name(f"{ledger.name}.bak-{stamp}")

    def ready(new: int) -> None:
        keep_rights(new, ledger)
        if list(RealFiles().read(ledger.parent, (ledger.name,), LEDGER_LIMIT, known={ledger.name: wanted.mark})):
            raise RefusedError(f"{ledger} has changed meanwhile")

    write_new(backup, wanted.before, lambda new: keep_rights(new, ledger))
    try:
        write_atomic(ledger, wanted.after, ready)
    except (OSError, RefusedError):
        backup.unlink()
        raise
    return backup


def remaining(ledger: Path, currency: str) -> tuple[Finding, ...]:
    """Return what the checks still find wrong in the ledger's totals. Raises RefusedError where it can not be read."""
    index = Index(currency, Limits())
    index.use_ledger(Book(str(ledger)), ledgers.parse(_read(ledger).data))
    case = index.case(Subject(Scope.TOTALS, str(ledger)), time.time())
    return () if case is None else tuple(found for found in checks.find(case) if found.check in MENDED)


def _read(ledger: Path) -> FileRead:
    ((_, got),) = RealFiles().read(ledger.parent, (ledger.name,), LEDGER_LIMIT, known={})
    if got is None:
        raise RefusedError(f"there is no ledger at {ledger}")
    if isinstance(got, OSError):
        raise RefusedError(f"{ledger} can not be read: {got.strerror}")
    if not got.whole:
        raise RefusedError(f"{ledger} is larger than {LEDGER_LIMIT >> 20} MiB")
    return got


def _trouble(data: bytes) -> str:
    """Return the first thing that can not be read."""
    read = ledgers.parse(data)
    first = next(iter((*read.problems, *([] if read.torn is None else [read.torn]))), None)
    return "" if first is None else f"line {first.line}: {first.message}"


def _must_be_quiet(paths: Iterable[Path], settle: float) -> None:
    now = time.time()
    for path in filter(Path.exists, paths):
        for changed, what in _changes(os.path.realpath(path)):
            if changed > now:
                raise RefusedError(f"{what} is dated {span(changed - now)} in the future: the agents may be at work")
            if now - changed < settle:
                raise RefusedError(
                    f"the agents are at work: {what} changed {span(now - changed)} ago; wait until all is quiet for "
                    f"{span(settle)}"
                )


def _changes(path: str) -> Iterator[tuple[float, str]]:
    """Yield when (s since the epoch) the file or the folder, and all that is in it, last changed in any way."""
    info = os.lstat(path)
    yield max(info.st_mtime, info.st_ctime), path
    if stat.S_ISDIR(info.st_mode):
        with os.scandir(path) as entries:
            for entry in entries:
                yield from _changes(entry.path)
