"""A ledger as the agents write it, and what a reader should find in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from supervisor.domain.invoices import Status
from supervisor.domain.ledger import Entry, Ledger, Total
from supervisor.formats.ledger import parse

SECTIONS = (Status.UNPAID, Status.PAID, Status.ESCALATED)


@dataclass(frozen=True)
class Line:
    """A line, without its end; and the entry or the total that it is."""

    text: str
    means: Entry | Total | None = None


def entry_line(number: str, section: Status, amount: Decimal, *, who: str = "", date: str = "2026-03-15") -> Line:
    """Return an entry; `who` is the client, or the reason under Escalated, and nobody under Paid."""
    money = f"`{number}` | ${amount:,.2f}"
    match section:
        case Status.UNPAID:
            text = f"- {money} | {who} | Due: {date} | Status: unpaid"
        case Status.PAID:
            text = f"- {money} | Paid: {date} | Method: transfer | Status: paid"
        case _:
            text = f"- {money} | {who} | Escalated: {date} | Status: escalated"
    client = who.strip() if section is Status.UNPAID else ""
    return Line(text, Entry(number, section, amount, section, section.value, client, date, 0))


def total_line(section: Status | None, amount: Decimal, *, commas: bool = False) -> Line:
    """Return a line of the Summary."""
    figure = f"{amount:,.2f}" if commas else f"{amount:.2f}"
    return Line(f"- **{(section or 'grand').title()} Total:** ${figure}", Total(section, amount, 0))


def ledger_lines(entries: Iterable[Line], totals: Mapping[Status | None, Decimal]) -> list[Line]:
    """Return the whole ledger: the newest entry of a section is its first."""
    lines = [Line("# Collections Ledger"), Line("")]
    written = list(entries)
    for section in SECTIONS:
        lines += [Line(f"## {section.title()}"), Line("")]
        lines += [line for line in written if isinstance(line.means, Entry) and line.means.section is section]
    return [*lines, Line("## Summary"), *(total_line(section, amount) for section, amount in totals.items())]


def encoded(lines: Sequence[Line], end: str = "\n") -> bytes:
    """Return the file."""
    return "".join(line.text + end for line in lines).encode()


def expected(lines: Sequence[Line]) -> Ledger:
    """Return what a reader should find, each thing with its line."""
    means = [replace(line.means, line=number) for number, line in enumerate(lines, 1) if line.means is not None]
    return Ledger(
        tuple(one for one in means if isinstance(one, Entry)),
        tuple(one for one in means if isinstance(one, Total)),
    )


INV_1 = "- `INV-1` | $1,500.00 | Café Bogotá S.A.S. | Due: 2026-03-15 | Status: unpaid"
ENTRY = Entry(
    "INV-1", Status.UNPAID, Decimal("1500.00"), Status.UNPAID, "unpaid", "Café Bogotá S.A.S.", "2026-03-15", 2
)
"""What `INV_1` says where it is the second line."""


def under(heading: str, *lines: str) -> Ledger:
    """Return what is read of these lines under a heading."""
    return parse("\n".join((heading, *lines, "")).encode())


def unpaid(*lines: str) -> Ledger:
    """Return what is read of these lines among the unpaid."""
    return under("## Unpaid", *lines)
