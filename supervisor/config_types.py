"""Types of keys that several parts of the configuration share."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from supervisor.formats import cron
from supervisor.formats.duration import DURATION_PATTERN, format_duration, parse_duration

_MOST = 1e12


def _seconds(value: Any) -> float:
    if not isinstance(value, str):
        # A bare number would leave it open whether seconds or minutes were meant.
        raise ValueError('a duration is text with a unit, such as "90s", "15m" or "1h30m"')  # noqa: TRY004 - pydantic's way
    return parse_duration(value)


Duration = Annotated[
    float,
    BeforeValidator(_seconds),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["90s", "15m", "1h30m"]}),
]
"""Written `"90s"`, a float of seconds once read. A schema of mode "serialization" shows defaults as written."""


def _cost(value: Any) -> Decimal:
    # The shortest text of a TOML number is what was typed: no binary fraction enters a sum.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MOST:
        raise ValueError("expected a number above 0, such as 10 or 2.50")
    return Decimal(repr(value))


Cost = Annotated[Decimal, BeforeValidator(_cost), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
"""Money in the currency of those who tell it."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: a folder of zones, such as "America".
        raise ValueError('expected a time zone that this machine knows, such as "America/Bogota" or "UTC"') from None
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]
"""The IANA name of a time zone."""

Cron = Annotated[str, Field(strict=True), AfterValidator(cron.checked)]
"""Five fields, as cron has them."""
