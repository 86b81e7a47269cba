"""Rows, and the table that they make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

START, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"
_HEAD = ("what", "ours", "floor or peer", "ratio", "goal", "holds?")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Args:
        what: what is compared.
        ours, peer: what either took, with its unit; `peer` names what it is.
        ratio: ours by the peer's, or where more is better the peer's by ours; None where there was no peer.
        goal: what is hoped for, in words.
        holds: whether it was reached; None where that could not be told.
        note: where it was not reached, why.
    """

    what: str
    ours: str
    peer: str
    ratio: float | None
    goal: str
    holds: bool | None
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the row as the table shows it."""
        holds = {True: "yes", False: "**NO**", None: "not measured"}[self.holds]
        return self.what, self.ours, self.peer, times(self.ratio), self.goal, holds

    def document(self) -> dict[str, Any]:
        """Return the row, JSON-ready."""
        return asdict(self)


def times(ratio: float | None) -> str:
    """Return a ratio in words of two or three digits."""
    if ratio is None or not math.isfinite(ratio):
        return "-"
    digits = 0 if ratio >= 100 else 1 if ratio >= 10 else 2
    return f"{ratio:,.{digits}f} x"


def markdown(rows: Sequence[Row]) -> str:
    """Return the table, and below it why goals are missed."""
    lines = [_line(_HEAD), _line(("---",) * len(_HEAD)), *(_line(row.cells()) for row in rows)]
    notes = [f"- {row.what}: {row.note}" for row in rows if row.note and row.holds is False]
    return "\n".join(lines + (["", *notes] if notes else [])) + "\n"


def placed(page: str, text: str) -> str:
    """Return `page` with `text` between the markers; the end marker is added where it is missing."""
    before, start, rest = page.partition(START)
    if not start:
        raise ValueError(f"there is no {START}")
    _, end, after = rest.partition(END)
    return f"{before}{START}\n{text}{END}{after if end else rest}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
