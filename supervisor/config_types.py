"""Types of keys that several parts of the configuration share."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from supervisor.formats.duration import DURATION_PATTERN, format_duration, parse_duration


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


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: a folder of zones, such as "America".
        raise ValueError('expected a time zone that this machine knows, such as "America/Bogota" or "UTC"') from None
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]
"""The IANA name of a time zone."""
