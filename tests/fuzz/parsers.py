"""Every parser, what it promises of whatever bytes it is fed, and an example to begin with."""

from __future__ import annotations

from collections.abc import Callable

from supervisor.formats import activity, amount, eventlog, heartbeat, invoice, ledger, queue


def fuzz_amount(data: bytes) -> None:
    text = data.decode(errors="replace")
    for found in (amount.parse_amount(text), amount.parse_number(text)):
        assert found is None or abs(found) < 10**amount.DIGITS


def fuzz_invoice(data: bytes) -> None:
    parsed = invoice.parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is not None or len(parsed.problems) == 1
    for problem in parsed.problems:
        assert problem.line is None or 1 <= problem.line <= data.count(b"\n") + 1
        problem.found.encode()
    if parsed.invoice is not None:
        f"{parsed.invoice.number}{parsed.invoice.client}{parsed.invoice.word}".encode()
        assert parsed.invoice.status is not None or parsed.problems


def fuzz_ledger(data: bytes) -> None:
    parsed = ledger.parse(data)
    lines = data.count(b"\n") + 1
    for one in (*parsed.entries, *parsed.totals, *parsed.problems):
        assert one.line is None or 1 <= one.line <= lines
    assert len(parsed.problems) <= ledger.PROBLEMS_KEPT + 2
    for entry in parsed.entries:
        f"{entry.number}{entry.client}{entry.word}{entry.date}".encode()


def fuzz_queue(data: bytes) -> None:
    parsed = queue.parse(data)
    assert data.endswith(parsed.rest)
    assert queue.parse(data[: len(data) - len(parsed.rest)]).messages == parsed.messages


def fuzz_eventlog(data: bytes) -> None:
    parsed = eventlog.parse(data)
    assert data.endswith(parsed.rest)
    for happening in parsed.happenings:
        f"{happening.invoice}{happening.client}{happening.word}".encode()


def fuzz_activity(data: bytes) -> None:
    for kind in activity.Activity:
        assert data.endswith(activity.parse(kind, data).rest)


def fuzz_heartbeat(data: bytes) -> None:
    for parse in (heartbeat.parse_lines, heartbeat.parse_document):
        parsed = parse(data, received=1.8e9)
        assert all(beat.at <= 1.8e9 for beat in (*parsed.beats, *parsed.logs))


PARSERS: dict[str, tuple[Callable[[bytes], None], bytes]] = {
    "amount": (fuzz_amount, b"-$1,500.00"),
    "invoice": (
        fuzz_invoice,
        b"""{"number": "INV-1", "amount": 80.5, "status": "paid", "paid_at": "2026-02-11T12:00:00", "_checksum": "0",
"payment": {"amount": "1.500,00", "detected_at": 1770811200}, "currency": "COP", "confidence": 0.9}""",
    ),
    "ledger": (
        fuzz_ledger,
        b"""# Collections Ledger
## Unpaid
- `INV-1` | $1,500.00 | Client & Name | Due: 2026-03-15 | Status: unpaid
<!-- a note: 1.500,00 -->
## Paid
- `INV-2` | $900.00 | Paid: 2026-02-11 | Method: transfer | Status: paid
## Summary
- **Unpaid Total:** $1500.00
""",
    ),
    "queue": (fuzz_queue, b'{"type": "INVOICE_PAID", "invoice": "INV-1", "_queued_at": 1795432788.2}\n{"type": "A"'),
    "eventlog": (
        fuzz_eventlog,
        b'{"timestamp": "2026-02-11T12:00:00Z", "event": "state_update", "invoice": "1", "data": {"status": "paid"}}\n',
    ),
    "activity": (fuzz_activity, b'{"timestamp": "2026-02-11T12:00:00Z", "type": "EMAIL_SENT", "level": "ERROR"}\n'),
    "heartbeat": (fuzz_heartbeat, b'{"timestamp": "2026-02-11T12:00:00", "kind": "ok", "usage": {"cost": 1.5}}\n'),
}
