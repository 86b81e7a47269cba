"""Findings: what does not agree, from the first suspicion to its end.

absent ----seen----> soft ----seen again, `settle` later, on unchanged inputs----> hard ----gone----> absent
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


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
    """

    check: CheckName
    subject: str
    message: str
    file: str
    line: int | None = None
    invoice: str = ""
    expected: str = ""
    found: str = ""

    @property
    def id(self) -> str:
        """Twelve hex digits: stable, wherever the line moves to and whatever the figures become."""
        text = f"{self.check}\0{self.subject}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]
