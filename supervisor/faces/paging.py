"""Pages of long lists.

A cursor is the sort key of the last row that was seen: rows that come or go meanwhile neither repeat others nor hide
them. Clients hand it back as it is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from supervisor.faces.problems import ProblemError

T = TypeVar("T")

_LARGEST = 2**63 - 1
"""SQLite's largest integer."""


def cursor(*key: Any) -> str:
    """Return the cursor that stands after the row with this sort key."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def key_of(text: str, *kinds: type) -> tuple[Any, ...]:
    """Return the sort key in a cursor, whose parts are of these kinds. Raises ProblemError."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        key = json.loads(raw, parse_constant=_refuse)
        fits = isinstance(key, list) and [type(part) for part in key] == [*kinds]
        if fits and all(abs(part) <= _LARGEST for part in key if isinstance(part, int)):
            return tuple(key)
    except (ValueError, RecursionError):
        pass
    raise ProblemError(HTTPStatus.NOT_FOUND, "cursor: no page begins there", "cursor")


def page(rows: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]]) -> tuple[Sequence[T], str | None]:
    """Return the first `limit` rows, and the cursor of the next page; None where `rows` has no more than that."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor(*key(rows[limit - 1]))


def _refuse(constant: str) -> float:
    raise ValueError(constant)
