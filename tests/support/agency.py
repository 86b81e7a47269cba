"""The agents whose books are watched: they write state, event log and ledger one after another, as the real ones do.

State by a temporary file and a rename, the event log whole and by rename, the ledger in place and in pieces.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

LEDGER = "collections_ledger.md"
EVENTS = "events.log"
_SECTIONS = ("Unpaid", "Paid", "Escalated")


def checksum(document: dict[str, Any]) -> str:
    """Return what an agent writes under `_checksum`."""
    plain = {key: value for key, value in document.items() if not key.startswith("_")}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Agency:
    """Writes into the folder `state`.

    Args:
        pause: called between one book and the next.
    """

    state: Path
    events: list[str] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=lambda: {section: [] for section in _SECTIONS})
    amounts: dict[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self.state.mkdir(parents=True, exist_ok=True)

    # --- what agents do ---

    def scan(self, client: str, amount: str, *, number: str | None = None) -> str:
        """Find a new invoice; return its number."""
        number = number or f"INV-{next(self._numbers):06}"
        document = {
            "client": client,
            "client_name": client.title(),
            "invoice_number": number,
            "number": number,
            "amount": float(amount),
            "due_date": "2026-12-31",
            "status": "unpaid",
        }
        self.save(self.file(client, number), document)
        self.tell("state_update", client, number, document)
        self.amounts[number] = Decimal(amount)
        self.lines["Unpaid"].insert(
            0, f"- `{number}` | {_money(amount)} | {client.title()} | Due: 2026-12-31 | Status: unpaid"
        )
        self.write_ledger()
        return number

    def pay(self, client: str, number: str) -> None:
        """See the payment of an invoice: mark it paid, archive it, book it."""
        path = self.file(client, number)
        document = json.loads(path.read_text("utf-8"))
        payment = {"method": "transfer", "amount": document["amount"], "detected_at": _now()}
        document |= {"status": "paid", "paid_at": _now(), "payment": payment}
        self.save(path, document)
        self.tell("state_update", client, number, document)
        self.tell("paid", client, number, payment)
        archived = self.archived(client, number)
        archived.parent.mkdir(parents=True, exist_ok=True)
        path.rename(archived)
        entry = f"- `{number}` | {_money(document['amount'])} | Paid: 2026-12-01 | Method: transfer | Status: paid"
        self._move(number, "Unpaid", "Paid", entry)

    def escalate(self, client: str, number: str) -> None:
        """Give an invoice to people."""
        path = self.file(client, number)
        document = json.loads(path.read_text("utf-8")) | {"status": "escalated"}
        self.save(path, document)
        self.tell("state_update", client, number, document)
        entry = (
            f"- `{number}` | {_money(document['amount'])} | 14 days overdue | Escalated: 2026-12-01 | Status: escalated"
        )
        self._move(number, "Unpaid", "Escalated", entry)

    # --- how they write ---

    def file(self, client: str, number: str) -> Path:
        """Return where an open invoice lies."""
        return self.state / client / f"{number}.json"

    def archived(self, client: str, number: str) -> Path:
        """Return where a paid invoice lies."""
        return self.state / "archive" / client / f"{number}.json"

    def save(self, path: Path, document: dict[str, Any]) -> None:
        """Write a state file, with its checksum, by rename."""
        document = {key: value for key, value in document.items() if not key.startswith("_")}
        document |= {"_checksum": checksum(document), "_updated_at": _now(), "_version": "1.0"}
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, json.dumps(document, indent=2))

    def tell(self, event: str, client: str, number: str, data: dict[str, Any]) -> None:
        """Add to the event log: the whole of it is written anew."""
        known = {"timestamp": _now(), "event_id": f"{len(self.events):08x}", "client": client, "invoice": number}
        self.events.append(json.dumps({**known, "event": event, "data": data}))
        replace(self.state / EVENTS, "\n".join(self.events) + "\n")

    def write_ledger(self) -> None:
        """Write the ledger in place, in pieces: whoever reads meanwhile meets half of it."""
        with (self.state / LEDGER).open("w", encoding="utf-8") as file:
            file.write("# Collections Ledger\n\n")
            for section in _SECTIONS:
                file.write(f"## {section}\n\n")
                file.flush()
                file.writelines(f"{line}\n" for line in self.lines[section])
            totals = {section: sum(map(self._amount, self.lines[section]), Decimal()) for section in _SECTIONS}
            file.write("## Summary\n")
            file.writelines(f"- **{section} Total:** ${total:.2f}\n" for section, total in totals.items())
            file.write(f"- **Grand Total:** ${sum(totals.values()):.2f}\n")

    def _move(self, number: str, old: str, new: str, entry: str) -> None:
        self.lines[old] = [line for line in self.lines[old] if f"`{number}`" not in line]
        self.lines[new].insert(0, entry)
        self.write_ledger()

    def _amount(self, line: str) -> Decimal:
        return self.amounts[line.split("`")[1]]


def replace(path: Path, text: str) -> None:
    """Write a file by rename, as the agents do."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def _money(amount: str | float) -> str:
    return f"${float(amount):,.2f}"


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat()
