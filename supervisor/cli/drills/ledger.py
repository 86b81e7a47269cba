"""An entry of the ledger, and a total below it, no longer say what they should.

Both are found with file and line once they have settled, and the findings are over when the ledger is mended.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count
from supervisor.filesystem import write_atomic

_SETTLE = 1.0
_QUIET = 0.2
_INVOICE = {"invoice_number": "INV-1", "client": "Acme", "amount": 1500.0, "currency": "USD", "status": "unpaid"}
_LEDGER = """\
# Collections Ledger

## Unpaid

- `INV-1` | ${entry} | Acme | Due: 2026-03-15 | Status: unpaid

## Summary
- **Unpaid Total:** ${total}
"""
_ENTRY_LINE, _TOTAL_LINE = 5, 8


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Write books that agree, falsify the ledger, mend it."""
    site.configure(f"""
[gate]
settle = "0s"
[books]
quiet = "{_QUIET}s"
settle = "{_SETTLE}s"
[agents.worker]
[channels.people]
kind = "file"
path = "people.jsonl"
""")
    ledger = site.state / "collections_ledger.md"
    good = _LEDGER.format(entry="1,500.00", total="1500.00").encode()
    (site.state / "Acme").mkdir(parents=True)
    (site.state / "Acme" / "INV-1.json").write_text(json.dumps(_INVOICE), "utf-8")
    ledger.write_bytes(good)
    await site.start()
    await site.logged("reconciled")
    books = (await site.fleet())["books"]
    yield Step("the books agree", count(len(books["findings"]), "finding"), books["consistent"])
    at = time.time()
    write_atomic(ledger, _LEDGER.format(entry="1,400.00", total="1450.00").encode())
    wrong = {
        "amount_mismatch": ("the wrong entry is found", _ENTRY_LINE),
        "section_total": ("the wrong total is found", _TOTAL_LINE),
    }
    for check, (what, line) in wrong.items():
        found = await site.logged("finding_opened", check=check)
        yield within(f"{what}, settled", moment(found["timestamp"]) - at - _SETTLE, 1.0)
        place = f"{found['file'].rpartition('/')[2]} line {found['line']}"
        got = f"{place}: {found['expected']}, not {found['found']}"
        yield Step("it is named by file and line", got, (found["file"], found["line"]) == (str(ledger), line))
    await site.logged("notification_sent", kind="triggered")
    yield Step("a person is told", ", ".join(site.told()), len(site.told()) > 0)
    at = time.time()
    write_atomic(ledger, good)
    for check in wrong:
        closed = await site.logged("finding_closed", check=check)
        yield within(f"mended: {check} is over", moment(closed["timestamp"]) - at, 1.0)
    books = (await site.fleet())["books"]
    yield Step("the books agree again", count(len(books["findings"]), "finding"), books["consistent"])
