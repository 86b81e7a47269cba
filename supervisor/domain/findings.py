"""Findings: what does not agree, from the first suspicion to its end.

absent ----seen----> soft ----seen again, `settle` later, on unchanged inputs----> hard ----gone----> absent
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from supervisor.domain.actions import Severity


class CheckName(StrEnum):
    """The rules. Their names are promises."""

    PARSE = "parse"
    SCHEMA = "schema"
    CHECKSUM = "checksum"
    UNIQUE_ID = "unique_id"
    ORPHAN_STATE = "orphan_state"
    ORPHAN_LEDGER = "orphan_ledger"
    STATUS_MISMATCH = "status_mismatch"
    AMOUNT_MISMATCH = "amount_mismatch"
    SECTION_TOTAL = "section_total"
    GRAND_TOTAL = "grand_total"
    TRANSITION = "transition"
    ARCHIVE = "archive"
    QUEUE_PARSE = "queue_parse"
    QUEUE_DEPTH = "queue_depth"
    QUEUE_AGE = "queue_age"
    QUEUE_DUPLICATE = "queue_duplicate"
    LEFTOVER_TMP = "leftover_tmp"


PHRASES: Mapping[CheckName, str] = {
    CheckName.PARSE: "a file or a line can not be read",
    CheckName.SCHEMA: "an invoice is not as it should be",
    CheckName.CHECKSUM: "an invoice was changed behind its checksum",
    CheckName.UNIQUE_ID: "an invoice number stands twice",
    CheckName.ORPHAN_STATE: "an invoice is missing in the ledger",
    CheckName.ORPHAN_LEDGER: "an entry of the ledger has no invoice",
    CheckName.STATUS_MISMATCH: "invoice and ledger differ in the status",
    CheckName.AMOUNT_MISMATCH: "invoice and ledger differ in the amount",
    CheckName.SECTION_TOTAL: "a total of the ledger is not the sum of its section",
    CheckName.GRAND_TOTAL: "the ledger's grand total is not the sum of its sections",
    CheckName.TRANSITION: "the event log tells another story than the invoice",
    CheckName.ARCHIVE: "an invoice lies in the wrong folder",
    CheckName.QUEUE_PARSE: "a queue can not be read",
    CheckName.QUEUE_DEPTH: "a queue is too long",
    CheckName.QUEUE_AGE: "a message waits too long",
    CheckName.QUEUE_DUPLICATE: "a message waits twice",
    CheckName.LEFTOVER_TMP: "a temporary file was left behind",
}
"""What each check finds, in plain words."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a reader could not take as it stands. `line` counts from 1; None where the whole file is meant."""

    check: CheckName
    message: str
    line: int | None = None
    expected: str = ""
    found: str = ""
    invoice: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree.

    Args:
        subject: what it is about: with the check's name it is the same for as long as the trouble lasts.
        file: absolute path of the file it stands in.
        line: from 1; None where the whole file is meant.
        invoice: the invoice's number, "" where it is about none.
        expected, found: as people compare them; "" where there is nothing to compare.
        severity: the check's; `checks.find` fills it in.
    """

    check: CheckName
    subject: str
    message: str
    file: str
    line: int | None = None
    invoice: str = ""
    expected: str = ""
    found: str = ""
    severity: Severity = Severity.WARNING

    @property
    def id(self) -> str:
        """Twelve hex digits: stable, wherever the line moves to and whatever the figures become."""
        text = f"{self.check}\0{self.subject}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
