"""Money out of the daemon's documents: apart, because most answers tell of none and decimals take time to import."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from supervisor.domain.totals import Tally


def tallies(document: dict[str, Any]) -> dict[str, Tally]:
    """Return the tallies that a document tells of, by currency."""
    return {currency: Tally(tally["count"], Decimal(tally["total"])) for currency, tally in document.items()}
