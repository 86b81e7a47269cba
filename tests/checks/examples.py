"""Books as a bookkeeper would jot them down, and what the checks find in them.

A file: "acme/INV-1 unpaid 1500.00", "archive/acme/INV-1 paid 900 EUR", "acme/INV-1 unreadable"; an amount that can not
be read is "-". An entry of the ledger: "Unpaid 1500.00 unpaid", its section, its amount and the word of its `Status:`,
if any; the first stands on line 5. An event of the log: what the invoice became, "payment" for the event `paid`; the
first stands on line 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from supervisor import checks
from supervisor.checks._words import short
from supervisor.domain.books import Case, Document, InvoiceCase, Queue, QueueCase, TotalsCase, Trail
from supervisor.domain.findings import Finding, Problem
from supervisor.domain.invoices import Invoice, Status, status_of
from supervisor.domain.ledger import Entry, Happening, Ledger, Message, Total

STATE = "/books"
LEDGER = "/books/ledger.md"
EVENTS = "/books/events.log"
QUEUE = "/cache/queues/emailer.jsonl"
NOW = 1_800_000_000.0


def amount_of(text: str) -> Decimal | None:
    return None if text == "-" else Decimal(text)


def document(text: str) -> Document:
    place, word, *money = text.split(" ")
    *folders, number = place.split("/")
    path, archived = f"{STATE}/{place}.json", folders[0] == "archive"
    if word == "unreadable":
        return Document(path, archived, None)
    amount, currency = [*money, "USD"][:2]
    return Document(path, archived, Invoice(number, folders[-1], amount_of(amount), currency, status_of(word), word))


def entry(text: str, line: int, number: str = "INV-1") -> Entry:
    section, amount, *words = text.split(" ")
    word = "".join(words)
    return Entry(number, Status(section.lower()), amount_of(amount), status_of(word), word, "", "", line)


def trail(words: Iterable[str], number: str = "INV-1") -> Trail:
    known = Trail()
    for line, word in enumerate(words, start=11):
        paid = word == "payment"
        status = Status.PAID if paid else status_of(word)
        event = "paid" if paid else "state_update"
        known = known.after(Happening(str(line), number, "acme", event, NOW, status, word, line))
    return known


def invoice(*files: str, ledger: Sequence[str] | None = None, log: Sequence[str] | None = None) -> InvoiceCase:
    """Lay out what is known of INV-1; no ledger or no log: there is none to compare with."""
    return InvoiceCase(
        "INV-1",
        tuple(map(document, files)),
        tuple(entry(text, line) for line, text in enumerate(ledger or (), start=5)),
        trail(log) if log else None,
        None if ledger is None else LEDGER,
        None if log is None else EVENTS,
        "USD",
    )


def summary(
    *entries: str, totals: Iterable[str] = (), problems: tuple[Problem, ...] = (), currency: str = "USD"
) -> TotalsCase:
    """Lay out a ledger; `totals` are lines of its Summary as "Unpaid 1500.00" or "Grand 1500.00", from line 91 on."""
    booked = tuple(entry(text, line, f"INV-{line}") for line, text in enumerate(entries, start=5))
    lines = [text.split(" ") for text in totals]
    written = tuple(
        Total(None if name == "Grand" else Status(name.lower()), Decimal(amount), line)
        for line, (name, amount) in enumerate(lines, start=91)
    )
    sums: dict[Status, Decimal] = {}
    for one in booked:
        sums[one.section] = sums.get(one.section, Decimal()) + (one.amount or Decimal())
    return TotalsCase(LEDGER, Ledger(booked, written, problems), sums, currency)


def queue(
    *messages: str, ages: Sequence[float | None] = (), depth_limit: int = 100, problems: tuple[Problem, ...] = ()
) -> QueueCase:
    """Lay out a queue of messages as "PAID INV-1", one a line; `ages` (s), the rest have just come."""
    waiting = []
    for line, text in enumerate(messages, start=1):
        kind, _, number = text.partition(" ")
        age = ages[line - 1] if line <= len(ages) else 0.0
        waiting.append(Message(text.encode(), kind, number, None if age is None else NOW - age, line))
    return QueueCase(Queue(QUEUE, "emailer", tuple(waiting), problems), NOW, depth_limit, 3600.0)


def found(case: Case) -> list[str]:
    """Return what all checks find, as "status_mismatch ledger.md:5: unpaid, not paid"."""
    return [told(finding) for finding in checks.find(case)]


def told(finding: Finding) -> str:
    place = short(finding.file).removeprefix("books/")
    line = "" if finding.line is None else f":{finding.line}"
    figures = f": {finding.expected}, not {finding.found}" if finding.expected else ""
    return f"{finding.check} {place}{line}{figures}"
